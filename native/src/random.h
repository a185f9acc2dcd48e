// BLAKE2Xb as SEAL's generator expands it, byte for byte, but several output nodes at a time.
#pragma once

#include "context.h"

namespace espalier {

class FastBlake2xb final : public seal::UniformRandomGenerator {
 public:
  // How many nodes this processor can work on at a time: 1, 4 or 8.
  static std::size_t most_lanes();

  explicit FastBlake2xb(const seal::prng_seed_type& seed, std::size_t lanes = most_lanes());
  ~FastBlake2xb() override;

 protected:
  seal::prng_type type() const noexcept override { return seal::prng_type::blake2xb; }
  void refill_buffer() override;

 private:
  std::size_t lanes_;
  u64 keyed_[8];  // the root's state after its key block
  u64 counter_ = 0;
};

}  // namespace espalier
