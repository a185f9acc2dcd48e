// Products of a plaintext matrix X with several encrypted vectors at once, both ways.
//
// R_N = R_M[y][x]/(x^h − y) with M = N/h and y = x^h: a ciphertext carries h vectors ("lanes") beside each
// other, lane s in the coefficients ≡ s modulo h. A tile of X lies in the subring R_M:
// T(y) = Σ_{i<R} Σ_{j<c} X[i,j]·y^(ic+(c−1−j)), R = M/c rows of c columns. Its transform has length M, and
// value k of it multiplies the h neighbouring values kh..kh+h−1 of a transformed ciphertext.
//   forward  X·b:  Σ_{j<c} b[s][j]·x^(jh+s) times T, summed over the groups of columns: row i of lane s is
//                  coefficient (ic+c−1)·h + s;
//   backward Xᵀ·r: Σ_{i<R} r[s][i]·x^((R−1−i)ch+s) times T, summed over the blocks of rows: column j of
//                  lane s is coefficient (M−1−j)·h + s.
// Tiles are made on the fly, used for both and dropped. Everything runs in time independent of X.
#pragma once

#include "kernel.h"

namespace espalier {

struct Lanes {
  std::size_t lanes, width;

  void check(const Context& context) const;
  std::size_t length(const Context& context) const { return context.degree() / lanes; }
  std::size_t rows_per_block(const Context& context) const { return length(context) / width; }
  std::size_t groups(std::size_t columns) const { return (columns + width - 1) / width; }
};

// Where the rows of a block, or the columns of a group, of all used lanes lie: lane after lane.
Wanted row_positions(const Context& context, const Lanes& lanes, std::size_t used, std::size_t rows);
Wanted column_positions(const Context& context, const Lanes& lanes, std::size_t used, std::size_t columns);

// The operands' plaintexts; vectors[s·count + i] in [0, t).
SecretVector column_operand(const Context& context, const Lanes& lanes, const u64* vectors, std::size_t used,
                            std::size_t count);
SecretVector row_operand(const Context& context, const Lanes& lanes, const u64* vectors, std::size_t used,
                         std::size_t count);

class Matrix {
 public:
  // Operands of the forward products, one a group of columns, or none. `fastest`: as of ProductSums.
  Matrix(std::shared_ptr<const Context> context, Lanes lanes, std::size_t columns, std::size_t used,
         std::vector<std::shared_ptr<Ciphertext>> forward, Path fastest = Path::kIfma);

  // Rows of up to 16 blocks, row-major; operands of the backward products, one a block, or none. One reply a
  // block (shares lane after lane), none without forward operands.
  std::vector<Reply> rows(const std::int32_t* values, std::size_t count,
                          const std::vector<std::shared_ptr<Ciphertext>>& operands, const Ciphertext& public_key,
                          const std::vector<Seed>& mask_seeds, std::size_t reply_limbs);

  // The backward products: shares lane after lane.
  Reply finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs);

  const Context& context() const { return *context_; }
  std::size_t columns() const { return columns_; }
  std::size_t used() const { return used_; }
  const Lanes& lanes() const { return lanes_; }
  bool forward() const { return !forward_.empty(); }

 private:
  std::size_t strip_length() const;
  void strip(std::size_t l, std::size_t start, std::size_t blocks, const SecretVector& tiles,
             const std::vector<std::shared_ptr<Ciphertext>>& backward, u64* out0, u64* out1);

  std::shared_ptr<const Context> context_;
  Lanes lanes_;
  std::size_t columns_, used_, groups_;
  std::vector<std::shared_ptr<Ciphertext>> forward_;
  std::vector<ProductSums> sums_;  // by limb
  SecretVector c0_, c1_;  // backward sums, groups × size, NTT form
  bool finished_ = false;
  std::mutex lock_;
};

std::size_t row_reply_size(const Context& context, const Lanes& lanes, std::size_t used, std::size_t rows,
                           std::size_t reply_limbs);
std::size_t column_reply_size(const Context& context, const Lanes& lanes, std::size_t used, std::size_t columns,
                              std::size_t reply_limbs);

// Lane after lane.
SecretVector open_rows(const SecretKey& key, const Lanes& lanes, const std::uint8_t* bytes, std::size_t length,
                       std::size_t used, std::size_t rows, std::size_t reply_limbs);
SecretVector open_columns(const SecretKey& key, const Lanes& lanes, const std::uint8_t* bytes, std::size_t length,
                          std::size_t used, std::size_t columns, std::size_t reply_limbs);

}  // namespace espalier
