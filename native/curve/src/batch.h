// The algorithms, for any way of computing in the field. Every operation of a Field works on kLanes elements at
// once. Its type Sum is what products and sums give and what is added; its type Ready is what is multiplied.
#pragma once

#include "curve.h"

namespace espalier::curve {

#define ESPALIER_INLINE static inline __attribute__((always_inline))

// z^(2^250 − 1) and z^11 of K independent z: what all exponentiations begin with.
template <typename Field, int K>
struct Powers {
  using Ready = typename Field::Ready;

  Ready long_run[K], eleven[K];

  static inline __attribute__((always_inline)) void square(Ready (&x)[K], int times) {
    for (int i = 0; i < times; ++i) {
      for (int k = 0; k < K; ++k) {
        x[k] = Field::ready(Field::square(x[k]));
      }
    }
  }

  static inline __attribute__((always_inline)) void multiply(Ready (&x)[K], const Ready (&y)[K]) {
    for (int k = 0; k < K; ++k) {
      x[k] = Field::ready(Field::multiply(x[k], y[k]));
    }
  }

  static inline __attribute__((always_inline)) void copy(Ready (&to)[K], const Ready (&from)[K]) {
    for (int k = 0; k < K; ++k) {
      to[k] = from[k];
    }
  }

  explicit Powers(const Ready (&z)[K]) {
    Ready two[K], x[K], y[K], forty[K];
    copy(two, z);
    square(two, 1);
    copy(x, two);
    square(x, 2);
    multiply(x, z);  // 9
    copy(eleven, x);
    multiply(eleven, two);
    copy(y, eleven);
    square(y, 1);
    multiply(x, y);  // 2^5 − 1
    copy(y, x);
    square(y, 5);
    multiply(x, y);  // 2^10 − 1
    copy(two, x);
    copy(y, x);
    square(y, 10);
    multiply(x, y);  // 2^20 − 1
    copy(forty, x);
    square(forty, 20);
    multiply(forty, x);  // 2^40 − 1
    copy(x, forty);
    square(x, 10);
    multiply(x, two);  // 2^50 − 1
    copy(y, x);
    copy(two, x);
    square(y, 50);
    multiply(x, y);  // 2^100 − 1
    copy(y, x);
    square(y, 100);
    multiply(x, y);  // 2^200 − 1
    square(x, 50);
    multiply(x, two);  // 2^250 − 1
    copy(long_run, x);
  }

  // z^(p − 2): 1/z, 0 of 0.
  void inverse(Ready (&out)[K]) const {
    copy(out, long_run);
    square(out, 5);
    multiply(out, eleven);
  }

  // z^((p − 1)/2): 1 of a square, −1 of a non-square, 0 of 0.
  void character(Ready (&out)[K], const Ready (&z)[K]) const {
    Ready squared[K];
    copy(out, long_run);
    square(out, 2);
    multiply(out, z);  // 2^252 − 3
    square(out, 2);
    copy(squared, z);
    square(squared, 1);
    multiply(out, squared);  // 2^254 − 10
  }
};

template <typename Field>
struct Batch {
  using Ready = typename Field::Ready;
  using Sum = typename Field::Sum;
  using Choice = typename Field::Choice;

  static constexpr std::size_t kLanes = Field::kLanes;
  static constexpr std::size_t kVectors = kGroup / kLanes;

  // Projective coordinates of a group and its running products.
  struct Group {
    Ready x[kVectors], z[kVectors], products[kVectors];
  };

  struct Point {
    Sum x, z;
  };

  static std::size_t lanes(std::size_t count, std::size_t vector) {
    const std::size_t left = count - vector * kLanes;
    return left < kLanes ? left : kLanes;
  }

  // The Montgomery ladder (RFC 7748, section 5). Instead of swapping two points before and after each step, a step
  // chooses which of them it doubles, as the sum of both is the same either way: `doubled` is R_b for the last
  // bit b, `sum` is R_(1−b).
  static Point ladder(const std::uint8_t* scalar, const Sum& u) {
    const Ready u1 = Field::ready(u);
    Point doubled{Field::one(), Field::zero()};
    Point sum{u, Field::one()};
    unsigned last = 0;
    for (int t = 254; t >= 0; --t) {
      const unsigned bit = (scalar[t >> 3] >> (t & 7)) & 1u;
      const Choice other = Field::choice(bit ^ last);
      last = bit;
      const Ready a = Field::plus(doubled.x, doubled.z), b = Field::minus(doubled.x, doubled.z);
      const Ready c = Field::plus(sum.x, sum.z), d = Field::minus(sum.x, sum.z);
      Sum da, cb, aa, bb, square;
      Field::multiply_two(d, a, da, c, b, cb);
      Field::square_two(Field::choose(other, a, c), aa, Field::choose(other, b, d), bb);
      Field::square_two(Field::plus(da, cb), sum.x, Field::minus(da, cb), square);
      const Ready e = Field::minus(aa, bb);
      Field::multiply_two(Field::ready(aa), Field::ready(bb), doubled.x, u1, Field::ready(square), sum.z);
      doubled.z = Field::multiply(e, Field::ready(Field::add_small(aa, e)));
    }
    // A clamped scalar ends with zeros: R_0 was doubled last.
    return doubled;
  }

  // z := 1/z for all vectors at once (Montgomery's trick); none is zero.
  static void invert(Group& group, std::size_t vectors) {
    group.products[0] = group.z[0];
    for (std::size_t v = 1; v < vectors; ++v) {
      group.products[v] = Field::ready(Field::multiply(group.products[v - 1], group.z[v]));
    }
    Ready last[1] = {group.products[vectors - 1]}, inverse[1];
    Powers<Field, 1>(last).inverse(inverse);
    for (std::size_t v = vectors - 1; v > 0; --v) {
      const Ready next = Field::ready(Field::multiply(inverse[0], group.z[v]));
      group.z[v] = Field::ready(Field::multiply(inverse[0], group.products[v - 1]));
      inverse[0] = next;
    }
    group.z[0] = inverse[0];
  }

  static std::ptrdiff_t multiply(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count) {
    if (count == 0) {
      return -1;
    }
    Group group;
    const std::size_t vectors = (count + kLanes - 1) / kLanes;
    for (std::size_t v = 0; v < vectors; ++v) {
      const Point p = ladder(scalar, Field::load(elements + v * kLanes * kWidth, lanes(count, v)));
      // Infinity is (x : 0) and becomes (0 : 1), the other element of low order.
      const Choice infinite = Field::is_zero(p.z);
      group.x[v] = Field::choose(infinite, Field::ready(p.x), Field::ready(Field::zero()));
      group.z[v] = Field::choose(infinite, Field::ready(p.z), Field::ready(Field::one()));
    }
    invert(group, vectors);
    std::ptrdiff_t zero = -1;
    for (std::size_t v = vectors; v-- > 0;) {
      const Sum u = Field::multiply(group.x[v], group.z[v]);
      const std::size_t used = lanes(count, v);
      Field::store(u, elements + v * kLanes * kWidth, used);
      const int first = Field::first(Field::is_zero(u), used);
      if (first >= 0) {
        zero = static_cast<std::ptrdiff_t>(v * kLanes) + first;
      }
    }
    wipe(&group, sizeof group);
    return zero;
  }

  // u1 = −A / (1 + 2r²) where u1³ + A u1² + u1 is a square, −u1 − A elsewhere. 1 + 2r² is never 0, since −1/2 is
  // not a square.
  static void map(std::uint8_t* elements, std::size_t count) {
    if (count == 0) {
      return;
    }
    // Exponentiations depend on their own last result all the way: several at once fill the pipeline.
    constexpr int kTogether = kVectors >= 2 && kLanes > 1 ? 2 : 1;
    Group group;
    const std::size_t vectors = (count + kLanes - 1) / kLanes;
    const Sum a = Field::small(486662), none = Field::zero(), one = Field::one();
    for (std::size_t v = 0; v < vectors; ++v) {
      const Ready r = Field::ready(Field::load(elements + v * kLanes * kWidth, lanes(count, v)));
      const Sum squared = Field::square(r);
      const Sum twice = Field::sum(Field::plus(squared, squared));
      group.z[v] = Field::plus(twice, one);
    }
    invert(group, vectors);
    const Ready minus_a = Field::minus(none, a);
    for (std::size_t v = 0; v < vectors; v += kTogether) {
      Sum u1[kTogether];
      Ready right[kTogether], character[kTogether];
      for (int k = 0; k < kTogether; ++k) {
        const std::size_t at = v + k < vectors ? v + k : v;
        u1[k] = Field::multiply(minus_a, group.z[at]);
        const Ready u = Field::ready(u1[k]);
        // u (u (u + A) + 1)
        right[k] = Field::ready(Field::multiply(u, Field::plus(Field::multiply(u, Field::plus(u1[k], a)), one)));
      }
      Powers<Field, kTogether>(right).character(character, right);
      for (int k = 0; k < kTogether && v + k < vectors; ++k) {
        const Choice second = Field::is_zero(Field::sum(Field::plus(Field::sum(character[k]), one)));
        const Ready u2 = Field::minus(none, Field::sum(Field::plus(u1[k], a)));
        const Ready u = Field::choose(second, Field::ready(u1[k]), u2);
        Field::store(Field::sum(u), elements + (v + k) * kLanes * kWidth, lanes(count, v + k));
      }
    }
    wipe(&group, sizeof group);
  }
};

}  // namespace espalier::curve
