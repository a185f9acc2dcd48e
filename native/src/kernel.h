// The backward kernel Xᵀ·[[r]] by coefficient packing, and the protected reply.
//
// A tile holds R = N/c rows of c features: T(x) = Σ X[i,j]·x^(ic+(c−1−j)); the residuals of those rows
// are P(x) = Σ r_i·x^((R−1−i)c); then Σ_i X[i,j]·r_i is coefficient N−1−j of T·P modulo x^N+1.
// Everything here runs in time independent of X.
#pragma once

#include <limits>
#include <mutex>

#include "products.h"
#include "reply.h"

namespace espalier {

void check_columns(std::size_t columns);

// A party's matrix: the coefficients of its tiles, as integers of 16 bits where all entries fit them and of 32
// otherwise. Transformed tiles take 4·limbs times as much room and a third of the time in a product. Those of the
// first groups are kept, as many as the caller has room for; the others are made whenever they are used.
class Tiles {
 public:
  // `largest`: that no entry's absolute value exceeds, up to 2^31. `kept`: of how many groups
  // transforms are kept.
  Tiles(std::shared_ptr<const Context> context, std::size_t rows, std::size_t columns, std::size_t width, i64 largest,
        std::size_t kept = std::numeric_limits<std::size_t>::max());

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
  // Of how many groups, from the first, transforms are kept: where ProductSums::kRun neighbouring values of a
  // block's tile in group 0 lie, those from `from` of all limbs on, and how far it is to the next group.
  std::size_t kept_groups() const { return kept_groups_; }
  const u64* run(std::size_t block, std::size_t from) const { return kept_.data() + kept_place(block, 0, from); }
  std::size_t run_step(std::size_t block) const { return chunk(block) * ProductSums::kRun; }
  // Makes one limb of a tile in NTT form.
  void transform(std::size_t block, std::size_t group, std::size_t limb, u64* out) const;
  // A copy of all limbs.
  SecretVector tile(std::size_t block, std::size_t group) const;

 private:
  std::size_t place(std::size_t block, std::size_t group) const { return (block * groups_ + group) * context_->degree(); }
  // Blocks are kept in chunks of ProductSums::kBatch, a chunk in the order in which sums read it: run after run,
  // in a run group after group, in a group block after block.
  std::size_t chunk(std::size_t block) const {
    const std::size_t first = block - block % ProductSums::kBatch;
    return std::min(ProductSums::kBatch, blocks_ - first);
  }
  std::size_t kept_place(std::size_t block, std::size_t group, std::size_t from) const {
    const std::size_t in_chunk = block % ProductSums::kBatch;
    return (block - in_chunk) * kept_groups_ * context_->size() +
           (from / ProductSums::kRun * kept_groups_ + group) * run_step(block) + in_chunk * ProductSums::kRun;
  }
  template <typename Entry>
  void fill(std::size_t block, const std::int32_t* values, std::size_t count, Wiped<Entry>& entries);

  std::shared_ptr<const Context> context_;
  std::size_t rows_, columns_, width_, groups_, blocks_, kept_groups_;
  i64 largest_;
  Wiped<std::int16_t> narrow_;
  Wiped<std::int32_t> wide_;
  SecretRoom kept_;
  enum : char { kMissing, kClaimed, kStored };
  std::vector<char> present_;
  mutable std::mutex lock_;
};

class Accumulator {
 public:
  // `fastest`: as of ProductSums.
  explicit Accumulator(std::shared_ptr<const Tiles> tiles, Path fastest = Path::kIfma);

  std::size_t columns() const { return tiles_->columns(); }

  // Adds the products of up to 16 blocks with their ciphertexts; each block exactly once. A refusal
  // changes nothing; any other failure closes the accumulator, so that no reply misses a block.
  void add(const std::vector<std::size_t>& blocks, const std::vector<std::shared_ptr<Ciphertext>>& ciphertexts);

  // Protects in the only allowed order: fresh encryption of zero, full-width mask, modulus switch.
  Reply finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs);

 private:
  std::shared_ptr<const Tiles> tiles_;
  std::vector<ProductSums> sums_;  // by limb
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
