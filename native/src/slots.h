// Products in SIMD slots: Σ_j [[a_j]] ⊙ p_j for encrypted vectors a_j and plaintext vectors p_j, slot by slot.
#pragma once

#include "reply.h"
#include "kernel.h"

namespace espalier {

// Small integers, one a slot, as a plaintext.
SecretVector slot_polynomial(const Context& context, const std::int32_t* values, std::size_t count);

class SlotSum {
 public:
  // `fastest`: as of ProductSums.
  explicit SlotSum(std::shared_ptr<const Context> context, Path fastest = Path::kIfma);

  // Adds Σ_j factors[j] ⊙ plain[j·N .. j·N + N).
  void add(const std::vector<std::shared_ptr<Ciphertext>>& factors, const std::int32_t* plain);

  // All N slots: shares in slot order.
  Reply finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs);

  const Context& context() const { return *context_; }

 private:
  std::shared_ptr<const Context> context_;
  std::vector<ProductSums> sums_;  // by limb
  SecretVector c0_, c1_;           // NTT form
  bool finished_ = false;
  std::mutex lock_;
};

std::size_t slot_reply_size(const Context& context, std::size_t reply_limbs);

// N values in [0, t), in slot order.
SecretVector open_slots(const SecretKey& key, const std::uint8_t* bytes, std::size_t length,
                        std::size_t reply_limbs);

}  // namespace espalier
