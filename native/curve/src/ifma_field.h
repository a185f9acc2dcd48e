// The field, eight elements at a time: five limbs of 52 bits, one vector of eight 64-bit words a limb, products by
// AVX-512 IFMA.
//
// That instruction multiplies the low 52 bits of two words and adds the low or the high half of the product. So
// what is above 52 bits of a limb need not be cleared once it is carried into the next one.
//
// For files that are compiled for such processors only; everything here is each file's own.
#pragma once

#include <immintrin.h>

#include "batch.h"

namespace espalier::curve {

namespace {

using u64 = std::uint64_t;
using Vector = __m512i;

ESPALIER_INLINE Vector all(u64 value) { return _mm512_set1_epi64(static_cast<long long>(value)); }
ESPALIER_INLINE Vector add(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
ESPALIER_INLINE Vector low(Vector sum, Vector a, Vector b) { return _mm512_madd52lo_epu64(sum, a, b); }
ESPALIER_INLINE Vector high(Vector sum, Vector a, Vector b) { return _mm512_madd52hi_epu64(sum, a, b); }

constexpr u64 kDigit = (u64{1} << 52) - 1;
constexpr u64 kTop = (u64{1} << 47) - 1;

struct Ifma {
  static constexpr std::size_t kLanes = 8;

  // Limbs below 2^57.
  struct Sum {
    Vector v[5];
  };
  // Digits are the low 52 bits of the first four limbs, and the last, which is below 2^49.
  struct Ready {
    Vector v[5];
  };
  using Choice = __mmask8;

  ESPALIER_INLINE Sum zero() { return small(0); }
  ESPALIER_INLINE Sum one() { return small(1); }
  ESPALIER_INLINE Sum small(u64 value) {
    const Vector none = _mm512_setzero_si512();
    return {{all(value), none, none, none, none}};
  }

  ESPALIER_INLINE Choice choice(unsigned bit) { return static_cast<Choice>(0u - bit); }

  ESPALIER_INLINE Ready choose(Choice c, const Ready& a, const Ready& b) {
    Ready out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = _mm512_mask_blend_epi64(c, a.v[i], b.v[i]);
    }
    return out;
  }

  // From bit 255 on, where bits count 19; what is left of the last limb is below 2^47, plus at most 2^6 of carry.
  ESPALIER_INLINE Ready ready(const Sum& a) {
    const Vector over = _mm512_srli_epi64(a.v[4], 47);
    Ready out;
    out.v[0] = low(a.v[0], over, all(19));
    out.v[1] = add(a.v[1], _mm512_srli_epi64(out.v[0], 52));
    out.v[2] = add(a.v[2], _mm512_srli_epi64(out.v[1], 52));
    out.v[3] = add(a.v[3], _mm512_srli_epi64(out.v[2], 52));
    out.v[4] = add(_mm512_and_si512(a.v[4], all(kTop)), _mm512_srli_epi64(out.v[3], 52));
    return out;
  }

  ESPALIER_INLINE Ready plus(const Sum& a, const Sum& b) {
    Sum out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = add(a.v[i], b.v[i]);
    }
    return ready(out);
  }

  // a − b + (2^11 + 1) 2^255, which counts 19 (2^11 + 1): 2^58 in the last limb keep it positive, and 2^47 that
  // stay in it keep it positive when the carries, down to −2^6, come in. Limbs are signed on the way.
  ESPALIER_INLINE Ready minus(const Sum& a, const Sum& b) {
    Sum x;
    for (int i = 0; i < 5; ++i) {
      x.v[i] = _mm512_sub_epi64(a.v[i], b.v[i]);
    }
    const Vector top = add(x.v[4], all(u64{1} << 58));
    const Vector over = _mm512_srli_epi64(top, 47);
    Ready out;
    out.v[0] = low(_mm512_sub_epi64(x.v[0], all(19 * 2049)), over, all(19));
    out.v[1] = add(x.v[1], _mm512_srai_epi64(out.v[0], 52));
    out.v[2] = add(x.v[2], _mm512_srai_epi64(out.v[1], 52));
    out.v[3] = add(x.v[3], _mm512_srai_epi64(out.v[2], 52));
    // (top & kTop) | 2^47
    out.v[4] = add(_mm512_ternarylogic_epi64(top, all(kTop), all(kTop + 1), 0xea), _mm512_srai_epi64(out.v[3], 52));
    return out;
  }

  ESPALIER_INLINE Sum sum(const Ready& a) {
    Sum out;
    for (int i = 0; i < 4; ++i) {
      out.v[i] = _mm512_and_si512(a.v[i], all(kDigit));
    }
    out.v[4] = a.v[4];
    return out;
  }

  // Ten columns to five: 2^260 counts 608. Columns are below 2^56 and the last, with last limbs below 2^49, is
  // below 2^47; of 608 times that, what is above 52 bits goes round once more.
  ESPALIER_INLINE Sum fold(Vector (&c)[10]) {
    const Vector factor = all(608);
    for (int k = 5; k < 9; ++k) {
      c[k + 1] = add(c[k + 1], _mm512_srli_epi64(c[k], 52));
    }
    Sum out;
    const Vector again = high(_mm512_setzero_si512(), c[9], factor);
    for (int k = 0; k < 5; ++k) {
      out.v[k] = low(c[k], c[k + 5], factor);
    }
    for (int k = 1; k < 5; ++k) {
      out.v[k] = high(out.v[k], c[k + 4], factor);
    }
    out.v[0] = low(out.v[0], again, factor);
    return out;
  }

  ESPALIER_INLINE Sum multiply(const Ready& a, const Ready& b) {
    Vector c[10];
    for (int k = 0; k < 10; ++k) {
      c[k] = _mm512_setzero_si512();
    }
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 5; ++j) {
        c[i + j] = low(c[i + j], a.v[i], b.v[j]);
      }
      for (int j = 0; j < 5; ++j) {
        c[i + j + 1] = high(c[i + j + 1], a.v[i], b.v[j]);
      }
    }
    return fold(c);
  }

  // a b and d e. Two products side by side fill the pipeline: in one alone, every step waits for the last.
  ESPALIER_INLINE void multiply_two(const Ready& a, const Ready& b, Sum& ab, const Ready& d, const Ready& e, Sum& de) {
    Vector c[10], f[10];
    for (int k = 0; k < 10; ++k) {
      c[k] = f[k] = _mm512_setzero_si512();
    }
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 5; ++j) {
        c[i + j] = low(c[i + j], a.v[i], b.v[j]);
        f[i + j] = low(f[i + j], d.v[i], e.v[j]);
      }
      for (int j = 0; j < 5; ++j) {
        c[i + j + 1] = high(c[i + j + 1], a.v[i], b.v[j]);
        f[i + j + 1] = high(f[i + j + 1], d.v[i], e.v[j]);
      }
    }
    fold_two(c, ab, f, de);
  }

  ESPALIER_INLINE void square_two(const Ready& a, Sum& aa, const Ready& d, Sum& dd) {
    Vector c[10], f[10];
    for (int k = 0; k < 10; ++k) {
      c[k] = f[k] = _mm512_setzero_si512();
    }
    for (int i = 0; i < 4; ++i) {
      for (int j = i + 1; j < 5; ++j) {
        c[i + j] = low(c[i + j], a.v[i], a.v[j]);
        f[i + j] = low(f[i + j], d.v[i], d.v[j]);
      }
      for (int j = i + 1; j < 5; ++j) {
        c[i + j + 1] = high(c[i + j + 1], a.v[i], a.v[j]);
        f[i + j + 1] = high(f[i + j + 1], d.v[i], d.v[j]);
      }
    }
    for (int k = 1; k < 9; ++k) {
      c[k] = add(c[k], c[k]);
      f[k] = add(f[k], f[k]);
    }
    for (int i = 0; i < 5; ++i) {
      c[2 * i] = low(c[2 * i], a.v[i], a.v[i]);
      f[2 * i] = low(f[2 * i], d.v[i], d.v[i]);
      c[2 * i + 1] = high(c[2 * i + 1], a.v[i], a.v[i]);
      f[2 * i + 1] = high(f[2 * i + 1], d.v[i], d.v[i]);
    }
    fold_two(c, aa, f, dd);
  }

  ESPALIER_INLINE void fold_two(Vector (&c)[10], Sum& out, Vector (&f)[10], Sum& second) {
    const Vector factor = all(608);
    const Vector none = _mm512_setzero_si512();
    for (int k = 5; k < 9; ++k) {
      c[k + 1] = add(c[k + 1], _mm512_srli_epi64(c[k], 52));
      f[k + 1] = add(f[k + 1], _mm512_srli_epi64(f[k], 52));
    }
    const Vector again = high(none, c[9], factor), more = high(none, f[9], factor);
    for (int k = 0; k < 5; ++k) {
      out.v[k] = low(c[k], c[k + 5], factor);
      second.v[k] = low(f[k], f[k + 5], factor);
    }
    for (int k = 1; k < 5; ++k) {
      out.v[k] = high(out.v[k], c[k + 4], factor);
      second.v[k] = high(second.v[k], f[k + 4], factor);
    }
    out.v[0] = low(out.v[0], again, factor);
    second.v[0] = low(second.v[0], more, factor);
  }

  ESPALIER_INLINE Sum square(const Ready& a) {
    Vector c[10];
    for (int k = 0; k < 10; ++k) {
      c[k] = _mm512_setzero_si512();
    }
    for (int i = 0; i < 4; ++i) {
      for (int j = i + 1; j < 5; ++j) {
        c[i + j] = low(c[i + j], a.v[i], a.v[j]);
      }
      for (int j = i + 1; j < 5; ++j) {
        c[i + j + 1] = high(c[i + j + 1], a.v[i], a.v[j]);
      }
    }
    for (int k = 1; k < 9; ++k) {
      c[k] = add(c[k], c[k]);
    }
    for (int i = 0; i < 5; ++i) {
      c[2 * i] = low(c[2 * i], a.v[i], a.v[i]);
      c[2 * i + 1] = high(c[2 * i + 1], a.v[i], a.v[i]);
    }
    return fold(c);
  }

  // a + 121665 e; what goes beyond the last limb is below 2^14.
  ESPALIER_INLINE Sum add_small(const Sum& a, const Ready& e) {
    const Vector factor = all(121665);
    Sum out;
    const Vector again = high(_mm512_setzero_si512(), e.v[4], factor);
    for (int i = 0; i < 5; ++i) {
      out.v[i] = low(a.v[i], e.v[i], factor);
    }
    for (int i = 1; i < 5; ++i) {
      out.v[i] = high(out.v[i], e.v[i - 1], factor);
    }
    out.v[0] = low(out.v[0], again, all(608));
    return out;
  }

  ESPALIER_INLINE Sum load(const std::uint8_t* bytes, std::size_t lanes) {
    const Vector index = _mm512_set_epi64(28, 24, 20, 16, 12, 8, 4, 0);
    const Choice used = static_cast<Choice>(0xffu >> (kLanes - lanes));
    Vector w[4];
    for (int i = 0; i < 4; ++i) {
      w[i] = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), used, index, bytes + 8 * i, 8);
    }
    auto digit = [](Vector below, int right, Vector above, int left, u64 mask) {
      return _mm512_and_si512(
          _mm512_or_si512(_mm512_srli_epi64(below, static_cast<unsigned>(right)),
                          _mm512_slli_epi64(above, static_cast<unsigned>(left))),
          all(mask));
    };
    return {{_mm512_and_si512(w[0], all(kDigit)), digit(w[0], 52, w[1], 12, kDigit), digit(w[1], 40, w[2], 24, kDigit),
             digit(w[2], 28, w[3], 36, kDigit), _mm512_and_si512(_mm512_srli_epi64(w[3], 16), all(kTop))}};
  }

  // The number below p.
  ESPALIER_INLINE Sum canonical(const Sum& a) {
    Sum x = sum(ready(a));  // below 2^255 + 2^215
    Vector over = all(19);
    for (int i = 0; i < 4; ++i) {
      over = _mm512_srli_epi64(add(x.v[i], over), 52);
    }
    // Whether it is p or more: p less of it is 19 more without what is above 2^255.
    over = low(_mm512_setzero_si512(), _mm512_srli_epi64(add(x.v[4], over), 47), all(19));
    for (int i = 0; i < 4; ++i) {
      const Vector limb = add(x.v[i], over);
      over = _mm512_srli_epi64(limb, 52);
      x.v[i] = _mm512_and_si512(limb, all(kDigit));
    }
    x.v[4] = _mm512_and_si512(add(x.v[4], over), all(kTop));
    return x;
  }

  ESPALIER_INLINE void store(const Sum& a, std::uint8_t* bytes, std::size_t lanes) {
    const Sum x = canonical(a);
    const Vector index = _mm512_set_epi64(28, 24, 20, 16, 12, 8, 4, 0);
    const Choice used = static_cast<Choice>(0xffu >> (kLanes - lanes));
    const Vector w[4] = {
        _mm512_or_si512(x.v[0], _mm512_slli_epi64(x.v[1], 52)),
        _mm512_or_si512(_mm512_srli_epi64(x.v[1], 12), _mm512_slli_epi64(x.v[2], 40)),
        _mm512_or_si512(_mm512_srli_epi64(x.v[2], 24), _mm512_slli_epi64(x.v[3], 28)),
        _mm512_or_si512(_mm512_srli_epi64(x.v[3], 36), _mm512_slli_epi64(x.v[4], 16)),
    };
    for (int i = 0; i < 4; ++i) {
      _mm512_mask_i64scatter_epi64(bytes + 8 * i, used, index, w[i], 8);
    }
  }

  ESPALIER_INLINE Choice is_zero(const Sum& a) {
    const Sum x = canonical(a);
    Vector any = x.v[0];
    for (int i = 1; i < 5; ++i) {
      any = _mm512_or_si512(any, x.v[i]);
    }
    return _mm512_testn_epi64_mask(any, any);
  }

  ESPALIER_INLINE int first(Choice c, std::size_t lanes) {
    const unsigned used = c & (0xffu >> (kLanes - lanes));
    return used == 0 ? -1 : __builtin_ctz(used);
  }
};

}  // namespace
}  // namespace espalier::curve
