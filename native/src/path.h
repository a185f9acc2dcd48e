// What kinds of instructions the loops are written for: several ways that give the same results, chosen by what
// the processor can do and how large the prime is.
#pragma once

#include <string>
#include <vector>

namespace espalier {

enum class Path {
  kScalar,  // 64 × 64 → 128 bits
  kAvx2,    // halves of 30 bits, four at a time
  kAvx512,  // halves of 30 or 32 bits, eight at a time
  kIfma,    // 52 × 52 → 104 bits, eight at a time: primes of at most 50 bits
};

std::string name_of(Path path);

// Those that this processor has, the fastest last.
std::vector<Path> paths();

}  // namespace espalier
