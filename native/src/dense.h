// Products of dense matrices of doubles, for whitening, and their rounding.
//
// Each entry of a result is one chain of fused multiplications and additions, its terms in the order of the
// summed index, rounded once a term: neither the instructions used nor how the work is cut change a bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "seal/randomgen.h"

namespace espalier::dense {

enum class Instructions { kScalar, kAvx2, kAvx512 };

// Those that this processor has, the fastest last.
std::vector<Instructions> instructions();

// Copies `count` rows of a row-major matrix, from `from` on.
using Rows = std::function<void(std::size_t from, std::size_t count, double* to)>;

// Columns of the sums that one call of `gram` makes.
constexpr std::size_t kStripe = 512;

// Σ_r x[r][left + i]·x[r][j] over the rows from ≤ r < to, at out[i·columns + j], for the rows i < kStripe of
// XᵀX from `left` on that there are, and j ≥ left + i.
void gram(const Rows& x, std::size_t columns, std::size_t from, std::size_t to, std::size_t left, double* out,
          Instructions with);

// Rows from ≤ i < to of x·b, told to `put` one by one; x has `inner` columns, b `inner` rows of `columns`.
void product(const Rows& x, std::size_t from, std::size_t to, std::size_t inner, const Rows& b, std::size_t columns,
             const std::function<void(std::size_t row, const double* values)>& put, Instructions with);

// An integer next to each value·scale, the upper one as often as the fraction says, to 2^-17. False, and nothing
// useful in `out`, if a value·scale exceeds `largest`, below 2^30, or is no number.
bool round(const double* values, std::size_t count, double scale, double largest,
           seal::UniformRandomGenerator& random, std::int32_t* out);

}  // namespace espalier::dense
