// BLAKE2Xb as SEAL's generator expands it, byte for byte, but several output nodes at a time.
#pragma once

#include "context.h"

namespace espalier {

class FastBlake2xb final : public seal::UniformRandomGenerator {
 public:
  explicit FastBlake2xb(const seal::prng_seed_type& seed);
  ~FastBlake2xb() override;

 protected:
  seal::prng_type type() const noexcept override { return seal::prng_type::blake2xb; }
  void refill_buffer() override;

 private:
  u64 keyed_[8];  // the root's state after its key block
  u64 counter_ = 0;
};

}  // namespace espalier
