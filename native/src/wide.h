// Eight residues at a time with AVX-512: what the vectorised loops share.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#define ESPALIER_WIDE __attribute__((target("avx512f,avx512dq"), always_inline)) inline

namespace espalier::vec {

inline bool supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

// Factors with their quotients as of `Factor`; high: upper halves of the quotients.
struct Wide {
  __m512i value, quotient, high;
};

ESPALIER_WIDE __m512i load(const std::uint64_t* p) { return _mm512_loadu_si512(p); }
ESPALIER_WIDE void keep(std::uint64_t* p, __m512i x) { _mm512_storeu_si512(p, x); }
ESPALIER_WIDE __m512i all(std::uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }

ESPALIER_WIDE Wide wide(__m512i value, __m512i quotient) {
  return {value, quotient, _mm512_srli_epi64(quotient, 32)};
}

// ⌊x·y/2^64⌋, at most two low; `upper`: the upper halves of the y.
ESPALIER_WIDE __m512i times_high(__m512i x, __m512i y, __m512i upper) {
  const __m512i high = _mm512_srli_epi64(x, 32);
  const __m512i middle = _mm512_add_epi64(_mm512_srli_epi64(_mm512_mul_epu32(high, y), 32),
                                          _mm512_srli_epi64(_mm512_mul_epu32(x, upper), 32));
  return _mm512_add_epi64(_mm512_mul_epu32(high, upper), middle);
}
ESPALIER_WIDE __m512i times_high(__m512i x, __m512i y) { return times_high(x, y, _mm512_srli_epi64(y, 32)); }

// x·w modulo q, below 4q, for any x.
ESPALIER_WIDE __m512i times(__m512i x, const Wide& w, __m512i q) {
  const __m512i quotient = times_high(x, w.quotient, w.high);
  return _mm512_sub_epi64(_mm512_mullo_epi64(x, w.value), _mm512_mullo_epi64(quotient, q));
}

// x − m where that is not negative.
ESPALIER_WIDE __m512i below(__m512i x, __m512i m) { return _mm512_min_epu64(x, _mm512_sub_epi64(x, m)); }

}  // namespace espalier::vec

#endif
