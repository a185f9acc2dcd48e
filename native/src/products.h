// Sums of products of residues, the inner loop of all kernels: several ways that give the same
// results, chosen by what the processor can do and how large the prime is. All take the same steps whatever
// the values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "path.h"
#include "transform.h"

namespace espalier {

// The products of one run: kRun neighbouring values of the transforms of all groups and up to kBatch blocks.
struct Run {
  const std::uint64_t* const* x;       // of each block, the values of its first group
  const std::size_t* x_step;           // of each block, from one group to the next
  const std::uint64_t* const *a, *const *b;  // of each block
  std::size_t blocks, groups;
  std::uint64_t *out_a, *out_b;  // of the first group
  std::size_t out_step;
};

class ProductSums {
 public:
  static constexpr std::size_t kRun = 32;
  static constexpr std::size_t kBatch = 16;

  // The fastest path that the processor has, the prime allows and is no faster than `fastest`.
  explicit ProductSums(const seal::Modulus& q, Path fastest = Path::kIfma);

  Path path() const { return path_; }

  // out_a += Σ x·a and out_b += Σ x·b over the blocks, in every group. All values below q.
  void add(const Run& run) const;

 private:
  void add_scalar(const Run& run) const;
  void add_avx2(const Run& run) const;
  void add_avx512(const Run& run) const;
  void add_ifma(const Run& run) const;

  seal::Modulus q_;
  Path path_;
  Factor one_, two60_;                                 // 1, 2^60 mod q
  std::uint64_t two52_, two52_quotient_, reciprocal_;  // 2^52 mod q, ⌊2^52·that/q⌋, ⌊2^52/q⌋
};

}  // namespace espalier
