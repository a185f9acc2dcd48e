// Shared by the C++ tests.
#pragma once

#include <cmath>
#include <cstdio>
#include <random>
#include <string>

#include "codec.h"
#include "kernel.h"
#include "seal/util/uintarithsmallmod.h"

namespace espalier::test {

inline int failures = 0;

inline void check(bool ok, const std::string& what) {
  if (!ok) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

template <typename E, typename F>
bool throws(F f) {
  try {
    f();
  } catch (const E&) {
    return true;
  }
  return false;
}

inline std::vector<u64> primes(std::size_t degree, const std::vector<int>& bits) {
  std::vector<u64> out;
  for (const auto& m : seal::CoeffModulus::Create(degree, bits)) {
    out.push_back(m.value());
  }
  return out;
}

// All coefficients of a polynomial.
inline std::vector<std::uint32_t> every(std::size_t degree) {
  std::vector<std::uint32_t> all(degree);
  for (std::size_t i = 0; i < degree; ++i) {
    all[i] = static_cast<std::uint32_t>(i);
  }
  return all;
}

inline std::shared_ptr<const Context> make_context(std::size_t degree, const std::vector<int>& bits, int t_bits) {
  return std::make_shared<const Context>(degree, primes(degree, bits),
                                         seal::PlainModulus::Batching(degree, t_bits).value());
}

// What the key holder sends and the other side reads.
inline std::vector<std::uint8_t> wire(const SecretKey& key, const SecretVector& values) {
  return write_seeded(*key.context, encrypt(key, values));
}
inline std::shared_ptr<Ciphertext> received(const std::shared_ptr<const Context>& context,
                                            const std::vector<std::uint8_t>& bytes) {
  return std::make_shared<Ciphertext>(read_seeded(context, bytes.data(), bytes.size()));
}

inline double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ma += a[i] / static_cast<double>(a.size());
    mb += b[i] / static_cast<double>(a.size());
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

// Standardised chi-square statistic of counts that should be equal: about N(0, 1).
inline double chi_square(const std::vector<std::size_t>& counts) {
  double total = 0, sum = 0;
  for (auto c : counts) {
    total += static_cast<double>(c);
  }
  const double expected = total / static_cast<double>(counts.size());
  for (auto c : counts) {
    sum += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  return (sum - freedom) / std::sqrt(2 * freedom);
}

inline int finished(const char* what) {
  std::printf(failures == 0 ? "all %s passed\n" : "%s: failures\n", what);
  return failures == 0 ? 0 : 1;
}

}  // namespace espalier::test
