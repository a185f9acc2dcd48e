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

using i128 = __int128;

inline u128 modulus_of(const Context& c) {
  u128 q = 1;
  for (std::size_t l = 0; l < c.limbs(); ++l) {
    q *= c.prime(l);
  }
  return q;
}

// A residue modulo q = q₁q₂ from its two limbs.
inline u128 compose(const Context& c, u64 first, u64 second) {
  u64 inverse = 0;
  seal::util::try_invert_uint_mod(c.prime(0) % c.prime(1), c.modulus(1), inverse);
  const u64 k = seal::util::multiply_uint_mod(
      seal::util::sub_uint_mod(second, first % c.prime(1), c.modulus(1)), inverse, c.modulus(1));
  return first + static_cast<u128>(k) * c.prime(0);
}

// The signed distance of x in Z_q from the nearest multiple of q/t: what a mask modulo t leaves open.
inline double beyond_plaintext(const Context& c, u128 x) {
  const u128 delta = modulus_of(c) / c.plain();
  const u64 residues[2] = {static_cast<u64>(x % c.prime(0)), static_cast<u64>(x % c.prime(1))};
  const u64 m = c.round_to_plain(residues, 2);
  i128 d = static_cast<i128>(x) - static_cast<i128>(delta * m) -
           static_cast<i128>(static_cast<u128>(modulus_of(c) % c.plain()) * m / c.plain());
  const i128 q = static_cast<i128>(modulus_of(c));
  d = d > q / 2 ? d - q : d;
  return static_cast<double>(d);
}

inline int finished(const char* what) {
  std::printf(failures == 0 ? "all %s passed\n" : "%s: failures\n", what);
  return failures == 0 ? 0 : 1;
}

}  // namespace espalier::test
