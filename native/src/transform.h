// SEAL's negacyclic transforms, value by value and order by order, but in time that does not depend on the
// values: SEAL's own are as good as their compiler was at avoiding branches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "path.h"
#include "seal/modulus.h"

namespace espalier {

// A factor w below q with ⌊2^64·w/q⌋, for multiplication without division (Shoup).
struct Factor {
  std::uint64_t value, quotient;
};

Factor factor(std::uint64_t value, const seal::Modulus& q);

// x·w modulo q, below 2q, for any x.
inline std::uint64_t multiply_lazy(std::uint64_t x, Factor w, std::uint64_t q) {
  return x * w.value - static_cast<std::uint64_t>((static_cast<unsigned __int128>(x) * w.quotient) >> 64) * q;
}

// The transform of Z_q[x]/(x^N + 1), q a prime below 2^60 and ≡ 1 modulo 2N.
class Transform {
 public:
  // `root`: a primitive 2N-th root of unity modulo q. The fastest path that the processor has, the prime allows
  // and is no faster than `fastest`; there are none of four values at a time.
  Transform(std::size_t degree, std::uint64_t root, const seal::Modulus& q, Path fastest = Path::kIfma);

  Path path() const { return path_; }

  // Of values below q, to values below q. `size`, a power of two from 8 to the degree, also allows the
  // transform of Z_q[y]/(y^size + 1): value j of it serves the degree/size neighbouring values that the full
  // transform of a polynomial in y = x^(degree/size) has.
  void forward(std::uint64_t* values, std::size_t size) const;
  // Of all N values.
  void inverse(std::uint64_t* values) const;

 private:
  // Powers of a root, in bit-reversed order.
  struct Powers {
    std::vector<std::uint64_t> value, quotient;
    Factor at(std::size_t i) const { return {value[i], quotient[i]}; }
  };
  static Powers powers(std::size_t degree, std::uint64_t root, const seal::Modulus& q);

  void forward_plain(std::uint64_t* values, std::size_t size) const;
  void inverse_plain(std::uint64_t* values) const;
  void forward_wide(std::uint64_t* values, std::size_t size) const;
  void forward_ifma(std::uint64_t* values, std::size_t size) const;
  void inverse_wide(std::uint64_t* values) const;

  std::size_t degree_;
  std::uint64_t q_;
  Path path_ = Path::kScalar;
  Powers roots_, inverse_roots_;
  Factor inverse_degree_;
};

}  // namespace espalier
