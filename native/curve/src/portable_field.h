// The field, one element at a time: five limbs of 51 bits in 64-bit words, products in 128 bits.
#pragma once

#include "batch.h"

namespace espalier::curve {

namespace {

using u64 = std::uint64_t;
using u128 = unsigned __int128;

constexpr u64 kLow = (u64{1} << 51) - 1;

// Limbs of a Sum are below 2^52, those of a Ready below 2^54: products of two, times 5·19, stay below 2^115.
struct Portable {
  static constexpr std::size_t kLanes = 1;

  struct Sum {
    u64 v[5];
  };
  struct Ready {
    u64 v[5];
  };
  using Choice = u64;  // all ones or zero

  ESPALIER_INLINE Sum zero() { return {}; }
  ESPALIER_INLINE Sum one() { return small(1); }
  ESPALIER_INLINE Sum small(u64 value) { return {{value, 0, 0, 0, 0}}; }

  ESPALIER_INLINE Choice choice(unsigned bit) {
    u64 mask = u64{0} - bit;
    __asm__("" : "+r"(mask));  // what a compiler knows of it, it may branch on
    return mask;
  }

  ESPALIER_INLINE Ready choose(Choice c, const Ready& a, const Ready& b) {
    Ready out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = a.v[i] ^ (c & (a.v[i] ^ b.v[i]));
    }
    return out;
  }

  ESPALIER_INLINE Ready ready(const Sum& a) { return {{a.v[0], a.v[1], a.v[2], a.v[3], a.v[4]}}; }

  ESPALIER_INLINE Ready plus(const Sum& a, const Sum& b) {
    Ready out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = a.v[i] + b.v[i];
    }
    return out;
  }

  // a + 4p − b
  ESPALIER_INLINE Ready minus(const Sum& a, const Sum& b) {
    Ready out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = a.v[i] + (i == 0 ? 4 * (kLow - 18) : 4 * kLow) - b.v[i];
    }
    return out;
  }

  ESPALIER_INLINE Sum sum(const Ready& a) {
    u128 c[5];
    for (int i = 0; i < 5; ++i) {
      c[i] = a.v[i];
    }
    return carry(c);
  }

  // Columns below 2^115: afterwards limbs are below 2^51 but for the second, which is below 2^51 + 2^18.
  ESPALIER_INLINE Sum carry(u128 (&c)[5]) {
    Sum out;
    u64 over = 0;
    for (int i = 0; i < 5; ++i) {
      c[i] += over;
      out.v[i] = static_cast<u64>(c[i]) & kLow;
      over = static_cast<u64>(c[i] >> 51);
    }
    const u128 first = static_cast<u128>(over) * 19 + out.v[0];
    out.v[0] = static_cast<u64>(first) & kLow;
    out.v[1] += static_cast<u64>(first >> 51);
    return out;
  }

  ESPALIER_INLINE Sum multiply(const Ready& a, const Ready& b) {
    u64 b19[5];
    for (int i = 1; i < 5; ++i) {
      b19[i] = 19 * b.v[i];
    }
    u128 c[5];
    for (int k = 0; k < 5; ++k) {
      c[k] = 0;
      for (int i = 0; i < 5; ++i) {
        c[k] += static_cast<u128>(a.v[i]) * (i <= k ? b.v[k - i] : b19[k - i + 5]);
      }
    }
    return carry(c);
  }

  ESPALIER_INLINE Sum square(const Ready& a) {
    const u64 a0 = 2 * a.v[0], a1 = 2 * a.v[1], a3 = 19 * a.v[3], a4 = 19 * a.v[4];
    const u128 x0 = a.v[0], x1 = a.v[1], x2 = a.v[2], x3 = a.v[3];
    u128 c[5] = {
        x0 * a.v[0] + static_cast<u128>(a1) * a4 + 2 * x2 * a3,
        static_cast<u128>(a0) * a.v[1] + 2 * x2 * a4 + x3 * a3,
        static_cast<u128>(a0) * a.v[2] + x1 * a.v[1] + 2 * x3 * a4,
        static_cast<u128>(a0) * a.v[3] + static_cast<u128>(a1) * a.v[2] + static_cast<u128>(a4) * a.v[4],
        static_cast<u128>(a0) * a.v[4] + static_cast<u128>(a1) * a.v[3] + x2 * a.v[2],
    };
    return carry(c);
  }

  ESPALIER_INLINE void multiply_two(const Ready& a, const Ready& b, Sum& ab, const Ready& d, const Ready& e, Sum& de) {
    ab = multiply(a, b);
    de = multiply(d, e);
  }

  ESPALIER_INLINE void square_two(const Ready& a, Sum& aa, const Ready& d, Sum& dd) {
    aa = square(a);
    dd = square(d);
  }

  // a + 121665 e
  ESPALIER_INLINE Sum add_small(const Sum& a, const Ready& e) {
    u128 c[5];
    for (int i = 0; i < 5; ++i) {
      c[i] = static_cast<u128>(e.v[i]) * 121665 + a.v[i];
    }
    return carry(c);
  }

  ESPALIER_INLINE Sum load(const std::uint8_t* bytes, std::size_t) {
    u64 w[4];
    for (int i = 0; i < 4; ++i) {
      w[i] = 0;
      for (int j = 7; j >= 0; --j) {
        w[i] = w[i] << 8 | bytes[8 * i + j];
      }
    }
    return {{w[0] & kLow, (w[0] >> 51 | w[1] << 13) & kLow, (w[1] >> 38 | w[2] << 26) & kLow,
             (w[2] >> 25 | w[3] << 39) & kLow, w[3] >> 12 & kLow}};
  }

  // The number below p.
  ESPALIER_INLINE Sum canonical(const Sum& a) {
    Ready x = ready(a);
    Sum out = sum(ready(sum(x)));  // twice: all limbs but the second are below 2^51, and so is that then
    u64 over = 19;
    for (int i = 0; i < 5; ++i) {
      over = (out.v[i] + over) >> 51;
    }
    // Whether it is p or more: p less of it is 19 more without what is above 2^255.
    over *= 19;
    for (int i = 0; i < 5; ++i) {
      out.v[i] += over;
      over = out.v[i] >> 51;
      out.v[i] &= kLow;
    }
    return out;
  }

  ESPALIER_INLINE void store(const Sum& a, std::uint8_t* bytes, std::size_t) {
    const Sum x = canonical(a);
    const u64 w[4] = {x.v[0] | x.v[1] << 51, x.v[1] >> 13 | x.v[2] << 38, x.v[2] >> 26 | x.v[3] << 25,
                      x.v[3] >> 39 | x.v[4] << 12};
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 8; ++j) {
        bytes[8 * i + j] = static_cast<std::uint8_t>(w[i] >> (8 * j));
      }
    }
  }

  ESPALIER_INLINE Choice is_zero(const Sum& a) {
    const Sum x = canonical(a);
    const u64 any = x.v[0] | x.v[1] | x.v[2] | x.v[3] | x.v[4];
    return choice(static_cast<unsigned>(1 ^ ((any | (u64{0} - any)) >> 63)));
  }

  ESPALIER_INLINE int first(Choice c, std::size_t) { return c != 0 ? 0 : -1; }
};

}  // namespace
}  // namespace espalier::curve
