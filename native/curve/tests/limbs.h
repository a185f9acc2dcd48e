// The arithmetic in the field at the limits of its limbs, against long integers that share no code with it. Nothing
// of the library for all is used here: this is compiled for one kind of processor.
#pragma once

#include <cstdint>
#include <cstdio>

#include "batch.h"

namespace espalier::curve {

int limbs_portable();
int limbs_ifma();

namespace {

using Word = std::uint64_t;
using Wide = unsigned __int128;

// A number below 2^256, any of those that stand for it modulo p.
struct Number {
  Word w[4];

  static Number of(Word value) { return {{value, 0, 0, 0}}; }

  Number times(const Number& other) const {
    Word product[8] = {};
    for (int i = 0; i < 4; ++i) {
      Word carry = 0;
      for (int j = 0; j < 4; ++j) {
        const Wide t = static_cast<Wide>(w[i]) * other.w[j] + product[i + j] + carry;
        product[i + j] = static_cast<Word>(t);
        carry = static_cast<Word>(t >> 64);
      }
      product[i + 4] = carry;
    }
    // 2^256 counts 38.
    Number out{};
    Word carry = 0;
    for (int i = 0; i < 4; ++i) {
      const Wide t = static_cast<Wide>(product[i + 4]) * 38 + product[i] + carry;
      out.w[i] = static_cast<Word>(t);
      carry = static_cast<Word>(t >> 64);
    }
    return out.plus(of(38 * carry));
  }

  Number plus(const Number& other) const {
    Number out = *this;
    Number add = other;
    for (Word carry = 1; carry != 0; add = of(38 * carry)) {
      carry = 0;
      for (int i = 0; i < 4; ++i) {
        const Wide t = static_cast<Wide>(out.w[i]) + add.w[i] + carry;
        out.w[i] = static_cast<Word>(t);
        carry = static_cast<Word>(t >> 64);
      }
    }
    return out;
  }

  // p − 1 times it.
  Number negative() const {
    return times({{~Word{0} - 19, ~Word{0}, ~Word{0}, ~Word{0} >> 1}});
  }

  void bytes(std::uint8_t (&out)[kWidth]) const {
    Number x = *this;
    // From 2^255 on a bit counts 19; then p less, at most once.
    for (int i = 0; i < 2; ++i) {
      const Word above = x.w[3] >> 63;
      x.w[3] &= ~Word{0} >> 1;
      x = x.plus(of(19 * above));
    }
    const bool large = x.w[3] == ~Word{0} >> 1 && x.w[2] == ~Word{0} && x.w[1] == ~Word{0} && x.w[0] >= ~Word{0} - 18;
    if (large) {
      x = of(x.w[0] - (~Word{0} - 18));
    }
    for (std::size_t i = 0; i < kWidth; ++i) {
      out[i] = static_cast<std::uint8_t>(x.w[i / 8] >> (8 * (i % 8)));
    }
  }
};

struct Draw {
  Word state = 0x9e3779b97f4a7c15;

  Word next() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }

  // 0, the largest, or anything between.
  Word upTo(Word most) {
    const Word kind = next() % 4;
    return kind == 0 ? 0 : kind == 1 ? most : most == ~Word{0} ? next() : next() % (most + 1);
  }
};

// Limits: kBits of a limb; kReady and kLast, the largest limbs of what is multiplied, where a limb counts with its
// low kUsed bits except the last; kSum, the largest of sums; set(limbs of all lanes) for Sum and Ready.
template <typename Field, typename Limits>
struct LimbTest {
  using Ready = typename Field::Ready;
  using Sum = typename Field::Sum;
  static constexpr std::size_t kLanes = Field::kLanes;

  Draw draw;
  int failures = 0;

  struct Values {
    Word limbs[5][kLanes];
    Number numbers[kLanes];
  };

  void fill(Values& v, bool ready) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      Number sum = Number::of(0), unit = Number::of(1);
      for (int i = 0; i < 5; ++i) {
        const bool last = i == 4;
        const Word limb = draw.upTo(!ready ? Limits::kSum : last ? Limits::kLast : Limits::kReady);
        v.limbs[i][lane] = limb;
        const Word counts = ready && !last ? limb & Limits::kUsed : limb;
        sum = sum.plus(unit.times(Number::of(counts)));
        unit = unit.times(Number::of(Word{1} << Limits::kBits));
      }
      v.numbers[lane] = sum;
    }
  }

  void expect(const Sum& actual, const Number (&expected)[kLanes], const char* what) {
    std::uint8_t out[kLanes * kWidth];
    Field::store(actual, out, kLanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::uint8_t bytes[kWidth];
      expected[lane].bytes(bytes);
      bool same = true;
      for (std::size_t i = 0; i < kWidth; ++i) {
        same = same && bytes[i] == out[lane * kWidth + i];
      }
      if (!same) {
        std::printf("FAILED: %s at the limits of limbs, lane %zu\n", what, lane);
        ++failures;
      }
    }
  }

  template <typename Combine>
  void combine(const Values& a, const Values& b, Number (&out)[kLanes], Combine with) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[lane] = with(a.numbers[lane], b.numbers[lane]);
    }
  }

  int run(int turns) {
    const auto product = [](const Number& a, const Number& b) { return a.times(b); };
    const auto square = [](const Number& a, const Number&) { return a.times(a); };
    for (int turn = 0; turn < turns && failures == 0; ++turn) {
      Values a, b, x, y;
      fill(a, true);
      fill(b, true);
      fill(x, false);
      fill(y, false);
      const Ready ra = Limits::ready(a.limbs), rb = Limits::ready(b.limbs);
      const Sum sx = Limits::sum(x.limbs), sy = Limits::sum(y.limbs);
      Number e[kLanes], f[kLanes];
      combine(a, b, e, product);
      expect(Field::multiply(ra, rb), e, "a product");
      combine(a, b, f, square);
      expect(Field::square(ra), f, "a square");
      Sum one, two;
      Field::multiply_two(ra, rb, one, ra, ra, two);
      expect(one, e, "one of two products");
      expect(two, f, "the other of two products");
      combine(b, a, e, square);
      Field::square_two(ra, one, rb, two);
      expect(one, f, "one of two squares");
      expect(two, e, "the other of two squares");
      combine(x, a, e, [](const Number& c, const Number& d) { return c.plus(d.times(Number::of(121665))); });
      expect(Field::add_small(sx, ra), e, "a sum with 121665 times");
      combine(x, y, e, [](const Number& c, const Number& d) { return c.plus(d); });
      expect(Field::sum(Field::plus(sx, sy)), e, "a sum");
      combine(x, y, f, [](const Number& c, const Number& d) { return c.plus(d.negative()); });
      const Ready difference = Field::minus(sx, sy);
      expect(Field::sum(difference), f, "a difference");
      // What comes from differences and sums is multiplied next.
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        e[lane] = e[lane].times(f[lane]);
      }
      expect(Field::multiply(Field::plus(sx, sy), difference), e, "a sum times a difference");
      if (Field::first(Field::is_zero(Field::sum(Field::minus(sx, sx))), kLanes) != 0) {
        std::printf("FAILED: x - x is not zero\n");
        ++failures;
      }
    }
    return failures;
  }
};

}  // namespace
}  // namespace espalier::curve
