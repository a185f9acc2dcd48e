// The backward kernel Xᵀ·[[r]] by coefficient packing, and the protected reply.
//
// A tile holds R = N/c rows of c features: T(x) = Σ X[i,j]·x^(ic+(c−1−j)); the residuals of those rows
// are P(x) = Σ r_i·x^((R−1−i)c); then Σ_i X[i,j]·r_i is coefficient N−1−j of T·P modulo x^N+1.
// Everything here runs in time independent of X.
#pragma once

#include <mutex>

#include "reply.h"

namespace espalier {

void check_columns(std::size_t columns);

class Tiles {
 public:
  Tiles(std::shared_ptr<const Context> context, std::size_t rows, std::size_t columns, std::size_t width);

  // Stores rows [block·R, block·R + count) given row-major, `columns` values each.
  void put(std::size_t block, const std::int32_t* values, std::size_t count);

  const Context& context() const { return *context_; }
  std::shared_ptr<const Context> shared_context() const { return context_; }
  std::size_t columns() const { return columns_; }
  std::size_t width() const { return width_; }
  std::size_t groups() const { return groups_; }
  std::size_t blocks() const { return blocks_; }
  std::size_t rows_per_block() const { return context_->degree() / width_; }
  std::size_t rows_in(std::size_t block) const;
  bool complete() const;
  // NTT form, all limbs.
  const u64* tile(std::size_t block, std::size_t group) const {
    return values_.data() + (group * blocks_ + block) * context_->size();
  }

 private:
  std::shared_ptr<const Context> context_;
  std::size_t rows_, columns_, width_, groups_, blocks_;
  Wiped<u64> values_;
  enum : char { kMissing, kClaimed, kStored };
  std::vector<char> present_;
  mutable std::mutex lock_;
};

class Accumulator {
 public:
  explicit Accumulator(std::shared_ptr<const Tiles> tiles);

  std::size_t columns() const { return tiles_->columns(); }

  // Adds the products of up to 16 blocks with their ciphertexts; each block exactly once. A refusal
  // changes nothing; any other failure closes the accumulator, so that no reply misses a block.
  void add(const std::vector<std::size_t>& blocks, const std::vector<std::shared_ptr<Ciphertext>>& ciphertexts);

  // Protects in the only allowed order: fresh encryption of zero, full-width mask, modulus switch.
  Reply finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs);

 private:
  std::shared_ptr<const Tiles> tiles_;
  SecretVector c0_, c1_;  // groups × size, NTT form
  std::vector<char> added_;
  bool finished_ = false;
  std::mutex lock_;
};

std::size_t reply_size(const Context& context, std::size_t columns, std::size_t width, std::size_t reply_limbs);

// Decrypts the wanted coefficients of a reply: `columns` values in [0, t).
SecretVector open_reply(const SecretKey& key, const std::uint8_t* bytes, std::size_t length,
                        std::size_t columns, std::size_t width, std::size_t reply_limbs);

// The plaintext polynomial P(x) of one block of residuals.
SecretVector residual_polynomial(const Context& context, const i64* residuals, std::size_t count,
                                 std::size_t width);

}  // namespace espalier
