#include "transform.h"

#include <algorithm>

#include "seal/util/common.h"
#include "seal/util/uintarithsmallmod.h"
#include "wide.h"

namespace espalier {

using u64 = std::uint64_t;
using u128 = unsigned __int128;

Factor factor(u64 value, const seal::Modulus& q) {
  return {value, static_cast<u64>((static_cast<u128>(value) << 64) / q.value())};
}

namespace {

u64 inverse_of(u64 value, const seal::Modulus& q) {
  u64 inverse = 0;
  seal::util::try_invert_uint_mod(value, q, inverse);
  return inverse;
}

}  // namespace

Transform::Transform(std::size_t degree, u64 root, const seal::Modulus& q, Path fastest)
    : degree_(degree),
      q_(q.value()),
      roots_(powers(degree, root, q)),
      inverse_roots_(powers(degree, inverse_of(root, q), q)),
      inverse_degree_(factor(inverse_of(degree, q), q)) {
  for (Path path : paths()) {
    if (path <= fastest && path != Path::kAvx2 && (path != Path::kIfma || q.bit_count() <= 50)) {
      path_ = path;
    }
  }
}

Transform::Powers Transform::powers(std::size_t degree, u64 root, const seal::Modulus& q) {
  const int log_degree = seal::util::get_power_of_two(degree);
  Powers out{std::vector<u64>(degree), std::vector<u64>(degree)};
  u64 power = 1;
  for (std::size_t i = 0; i < degree; ++i) {
    const std::size_t at = seal::util::reverse_bits(static_cast<u64>(i), log_degree);
    const Factor f = factor(power, q);
    out.value[at] = f.value;
    out.quotient[at] = f.quotient;
    power = seal::util::multiply_uint_mod(power, root, q);
  }
  return out;
}

// Cooley and Tukey's butterflies with Harvey's lazy reduction: values stay below 4q < 2^62.
void Transform::forward_plain(u64* values, std::size_t size) const {
  const u64 q = q_, twice = 2 * q;
  std::size_t w = 1;
  auto butterfly = [&](u64& a, u64& b, Factor root) {
    const u64 u = std::min(a, a - twice);  // below 2q: a − 2q wraps round where a was
    const u64 v = multiply_lazy(b, root, q);
    a = u + v;
    b = u + twice - v;
  };
  std::size_t gap = size / 2;
  for (; gap >= 4; gap /= 2) {
    for (u64* x = values; x != values + size; x += 2 * gap, ++w) {
      const Factor root = roots_.at(w);
      for (std::size_t j = 0; j < gap; j += 4) {
        butterfly(x[j], x[j + gap], root);
        butterfly(x[j + 1], x[j + gap + 1], root);
        butterfly(x[j + 2], x[j + gap + 2], root);
        butterfly(x[j + 3], x[j + gap + 3], root);
      }
    }
  }
  for (u64* x = values; x != values + size; x += 4, ++w) {
    butterfly(x[0], x[2], roots_.at(w));
    butterfly(x[1], x[3], roots_.at(w));
  }
  for (u64* x = values; x != values + size; x += 2, ++w) {
    butterfly(x[0], x[1], roots_.at(w));
    x[0] = std::min(x[0], x[0] - twice);
    x[0] = std::min(x[0], x[0] - q);
    x[1] = std::min(x[1], x[1] - twice);
    x[1] = std::min(x[1], x[1] - q);
  }
}

// Gentleman and Sande's butterflies; values stay below 2q.
void Transform::inverse_plain(u64* values) const {
  const u64 q = q_, twice = 2 * q;
  auto butterfly = [&](u64& a, u64& b, Factor root) {
    const u64 u = a, v = b, sum = u + v;
    a = std::min(sum, sum - twice);
    b = multiply_lazy(u + twice - v, root, q);
  };
  std::size_t w = degree_ / 2;
  for (u64* x = values; x != values + degree_; x += 2, ++w) {
    butterfly(x[0], x[1], inverse_roots_.at(w));
  }
  w = degree_ / 4;
  for (u64* x = values; x != values + degree_; x += 4, ++w) {
    butterfly(x[0], x[2], inverse_roots_.at(w));
    butterfly(x[1], x[3], inverse_roots_.at(w));
  }
  for (std::size_t gap = 4; gap < degree_; gap *= 2) {
    w = degree_ / (2 * gap);
    for (u64* x = values; x != values + degree_; x += 2 * gap, ++w) {
      const Factor root = inverse_roots_.at(w);
      for (std::size_t j = 0; j < gap; j += 4) {
        butterfly(x[j], x[j + gap], root);
        butterfly(x[j + 1], x[j + gap + 1], root);
        butterfly(x[j + 2], x[j + gap + 2], root);
        butterfly(x[j + 3], x[j + gap + 3], root);
      }
    }
  }
  for (std::size_t i = 0; i < degree_; ++i) {
    const u64 x = multiply_lazy(values[i], inverse_degree_, q);
    values[i] = std::min(x, x - q);
  }
}

#if defined(__x86_64__)

// The same, eight values at a time. Products are below 4q and values stay below 8q < 2^63.
namespace {

using namespace vec;

ESPALIER_WIDE void forward_step(__m512i& a, __m512i& b, const Wide& root, __m512i q, __m512i q4) {
  const __m512i u = below(a, q4), v = times(b, root, q);
  a = _mm512_add_epi64(u, v);
  b = _mm512_sub_epi64(_mm512_add_epi64(u, q4), v);
}

ESPALIER_WIDE void inverse_step(__m512i& a, __m512i& b, const Wide& root, __m512i q, __m512i q4) {
  const __m512i difference = _mm512_sub_epi64(_mm512_add_epi64(a, q4), b);
  a = below(_mm512_add_epi64(a, b), q4);
  b = times(difference, root, q);
}

ESPALIER_WIDE __m512i pick(__m512i a, __m512i index, __m512i b) { return _mm512_permutex2var_epi64(a, index, b); }

// The roots of the last steps: for 2, 4 and 8 pairs in a register.
ESPALIER_WIDE __m512i spread_two(const u64* p) {
  return _mm512_inserti64x4(all(p[0]), _mm256_set1_epi64x(static_cast<long long>(p[1])), 1);
}
ESPALIER_WIDE __m512i spread_four(const u64* p) {
  return _mm512_set_epi64(static_cast<long long>(p[3]), static_cast<long long>(p[3]), static_cast<long long>(p[2]),
                          static_cast<long long>(p[2]), static_cast<long long>(p[1]), static_cast<long long>(p[1]),
                          static_cast<long long>(p[0]), static_cast<long long>(p[0]));
}

// Orders in the last steps of a forward transform: gaps of 8, 4, 2 and 1 within sixteen values.
struct Ends {
  __m512i pairs_low, pairs_high, even, odd, low, high;

  ESPALIER_WIDE Ends()
      : pairs_low(_mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0)),
        pairs_high(_mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2)),
        even(_mm512_set_epi64(14, 6, 12, 4, 10, 2, 8, 0)),
        odd(_mm512_set_epi64(15, 7, 13, 5, 11, 3, 9, 1)),
        low(_mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0)),
        high(_mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4)) {}
};

}  // namespace

__attribute__((target("avx512f,avx512dq"))) void Transform::forward_wide(u64* values, std::size_t size) const {
  const __m512i q = all(q_), q2 = all(2 * q_), q4 = all(4 * q_);
  const u64 *value = roots_.value.data(), *quotient = roots_.quotient.data();
  std::size_t w = 1;
  for (std::size_t gap = size / 2; gap >= 16; gap /= 2) {
    for (u64* x = values; x != values + size; x += 2 * gap, ++w) {
      const Wide root = wide(all(value[w]), all(quotient[w]));
      for (std::size_t j = 0; j < gap; j += 8) {
        __m512i a = load(x + j), b = load(x + j + gap);
        forward_step(a, b, root, q, q4);
        keep(x + j, a);
        keep(x + j + gap, b);
      }
    }
  }
  const Ends ends;
  const std::size_t sixteens = size / 16;
  for (std::size_t i = 0; i < sixteens; ++i) {
    u64* x = values + 16 * i;
    __m512i a = load(x), b = load(x + 8);
    std::size_t at = sixteens + i;
    forward_step(a, b, wide(all(value[at]), all(quotient[at])), q, q4);
    __m512i u = _mm512_shuffle_i64x2(a, b, 0x44), v = _mm512_shuffle_i64x2(a, b, 0xee);
    at = 2 * sixteens + 2 * i;
    forward_step(u, v, wide(spread_two(value + at), spread_two(quotient + at)), q, q4);
    a = pick(u, ends.pairs_low, v);
    b = pick(u, ends.pairs_high, v);
    at = 4 * sixteens + 4 * i;
    forward_step(a, b, wide(spread_four(value + at), spread_four(quotient + at)), q, q4);
    u = pick(a, ends.even, b);
    v = pick(a, ends.odd, b);
    at = 8 * sixteens + 8 * i;
    forward_step(u, v, wide(load(value + at), load(quotient + at)), q, q4);
    u = below(below(below(u, q4), q2), q);
    v = below(below(below(v, q4), q2), q);
    keep(x, pick(u, ends.low, v));
    keep(x + 8, pick(u, ends.high, v));
  }
}

// The same with 52-bit products: those are below 2q < 2^51 and values stay below 4q < 2^52, so that two steps
// can be made of four values that are loaded once.
namespace {

#define ESPALIER_IFMA __attribute__((target("avx512f,avx512dq,avx512ifma"), always_inline)) inline

struct Prime52 {
  __m512i q2, minus_q, mask;
};

// The value, and ⌊2^52·value/q⌋.
struct Root52 {
  __m512i value, quotient;
};

ESPALIER_IFMA Root52 root52(__m512i value, __m512i quotient) { return {value, _mm512_srli_epi64(quotient, 12)}; }

ESPALIER_IFMA void step52(__m512i& a, __m512i& b, const Root52& root, const Prime52& p) {
  const __m512i zero = _mm512_setzero_si512(), u = below(a, p.q2);
  const __m512i quotient = _mm512_madd52hi_epu64(zero, b, root.quotient);
  const __m512i product = _mm512_madd52lo_epu64(_mm512_madd52lo_epu64(zero, b, root.value), quotient, p.minus_q);
  const __m512i v = _mm512_and_si512(product, p.mask);
  a = _mm512_add_epi64(u, v);
  b = _mm512_sub_epi64(_mm512_add_epi64(u, p.q2), v);
}

}  // namespace

__attribute__((target("avx512f,avx512dq,avx512ifma"))) void Transform::forward_ifma(u64* values, std::size_t size) const {
  const __m512i q = all(q_);
  const Prime52 p{all(2 * q_), all((1ull << 52) - q_), all((1ull << 52) - 1)};
  const u64 *value = roots_.value.data(), *quotient = roots_.quotient.data();
  auto root = [&](std::size_t w) __attribute__((target("avx512f,avx512dq,avx512ifma"), always_inline)) {
    return root52(all(value[w]), all(quotient[w]));
  };
  std::size_t gap = size / 2, w = 1;
  for (; gap >= 32; gap /= 4, w *= 4) {
    for (std::size_t i = 0; i < w; ++i) {
      u64* x = values + 2 * gap * i;
      const Root52 first = root(w + i), left = root(2 * (w + i)), right = root(2 * (w + i) + 1);
      for (std::size_t j = 0; j < gap / 2; j += 8) {
        u64* at[] = {x + j, x + j + gap / 2, x + j + gap, x + j + gap + gap / 2};
        __m512i a = load(at[0]), b = load(at[1]), c = load(at[2]), d = load(at[3]);
        step52(a, c, first, p);
        step52(b, d, first, p);
        step52(a, b, left, p);
        step52(c, d, right, p);
        keep(at[0], a);
        keep(at[1], b);
        keep(at[2], c);
        keep(at[3], d);
      }
    }
  }
  if (gap == 16) {
    for (std::size_t i = 0; i < w; ++i) {
      const Root52 of = root(w + i);
      u64* x = values + 32 * i;
      for (std::size_t j = 0; j < 16; j += 8) {
        __m512i a = load(x + j), b = load(x + j + 16);
        step52(a, b, of, p);
        keep(x + j, a);
        keep(x + j + 16, b);
      }
    }
  }
  const Ends ends;
  const std::size_t sixteens = size / 16;
  for (std::size_t i = 0; i < sixteens; ++i) {
    u64* x = values + 16 * i;
    __m512i a = load(x), b = load(x + 8);
    step52(a, b, root(sixteens + i), p);
    __m512i u = _mm512_shuffle_i64x2(a, b, 0x44), v = _mm512_shuffle_i64x2(a, b, 0xee);
    std::size_t at = 2 * sixteens + 2 * i;
    step52(u, v, root52(spread_two(value + at), spread_two(quotient + at)), p);
    a = pick(u, ends.pairs_low, v);
    b = pick(u, ends.pairs_high, v);
    at = 4 * sixteens + 4 * i;
    step52(a, b, root52(spread_four(value + at), spread_four(quotient + at)), p);
    u = pick(a, ends.even, b);
    v = pick(a, ends.odd, b);
    at = 8 * sixteens + 8 * i;
    step52(u, v, root52(load(value + at), load(quotient + at)), p);
    u = below(below(u, p.q2), q);
    v = below(below(v, p.q2), q);
    keep(x, pick(u, ends.low, v));
    keep(x + 8, pick(u, ends.high, v));
  }
}

__attribute__((target("avx512f,avx512dq"))) void Transform::inverse_wide(u64* values) const {
  const __m512i q = all(q_), q2 = all(2 * q_), q4 = all(4 * q_);
  const u64 *value = inverse_roots_.value.data(), *quotient = inverse_roots_.quotient.data();
  const __m512i first = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), second = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
  const __m512i even = _mm512_set_epi64(14, 6, 12, 4, 10, 2, 8, 0), odd = _mm512_set_epi64(15, 7, 13, 5, 11, 3, 9, 1);
  const __m512i pairs_low = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
  const __m512i pairs_high = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
  const std::size_t sixteens = degree_ / 16;
  for (std::size_t i = 0; i < sixteens; ++i) {
    u64* x = values + 16 * i;
    __m512i a = load(x), b = load(x + 8);
    __m512i u = pick(a, first, b), v = pick(a, second, b);
    std::size_t at = 8 * sixteens + 8 * i;
    inverse_step(u, v, wide(load(value + at), load(quotient + at)), q, q4);
    a = pick(u, even, v);
    b = pick(u, odd, v);
    at = 4 * sixteens + 4 * i;
    inverse_step(a, b, wide(spread_four(value + at), spread_four(quotient + at)), q, q4);
    u = pick(a, pairs_low, b);
    v = pick(a, pairs_high, b);
    at = 2 * sixteens + 2 * i;
    inverse_step(u, v, wide(spread_two(value + at), spread_two(quotient + at)), q, q4);
    a = _mm512_shuffle_i64x2(u, v, 0x44);
    b = _mm512_shuffle_i64x2(u, v, 0xee);
    at = sixteens + i;
    inverse_step(a, b, wide(all(value[at]), all(quotient[at])), q, q4);
    keep(x, a);
    keep(x + 8, b);
  }
  for (std::size_t gap = 16; gap < degree_; gap *= 2) {
    std::size_t w = degree_ / (2 * gap);
    for (u64* x = values; x != values + degree_; x += 2 * gap, ++w) {
      const Wide root = wide(all(value[w]), all(quotient[w]));
      for (std::size_t j = 0; j < gap; j += 8) {
        __m512i a = load(x + j), b = load(x + j + gap);
        inverse_step(a, b, root, q, q4);
        keep(x + j, a);
        keep(x + j + gap, b);
      }
    }
  }
  const Wide scale = wide(all(inverse_degree_.value), all(inverse_degree_.quotient));
  for (std::size_t i = 0; i < degree_; i += 8) {
    keep(values + i, below(below(times(load(values + i), scale, q), q2), q));
  }
}

void Transform::forward(u64* values, std::size_t size) const {
  if (path_ == Path::kScalar || size < 16) {
    forward_plain(values, size);
  } else if (path_ == Path::kIfma) {
    forward_ifma(values, size);
  } else {
    forward_wide(values, size);
  }
}

void Transform::inverse(u64* values) const {
  if (path_ == Path::kScalar) {
    inverse_plain(values);
  } else {
    inverse_wide(values);
  }
}

#else

void Transform::forward(u64* values, std::size_t size) const { forward_plain(values, size); }
void Transform::inverse(u64* values) const { inverse_plain(values); }

#endif

}  // namespace espalier
