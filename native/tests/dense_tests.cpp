// Products of dense matrices, by every instruction set that this processor has, against plain loops: bit by bit.
#include <cmath>
#include <cstring>

#include "dense.h"
#include "support.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using Values = std::vector<double>;

// Of many magnitudes, both signs, some zero, some whose products underflow.
Values random_values(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Values out(count);
  for (auto& v : out) {
    const double u = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    const int kind = static_cast<int>(random() % 16);
    v = kind == 0 ? (random() % 2 == 0 ? 0.0 : -0.0)
        : kind == 1 ? std::ldexp(u, -600)
        : kind == 2 ? std::ldexp(u, 500)
                    : std::ldexp(u, static_cast<int>(random() % 60) - 30);
  }
  return out;
}

dense::Rows rows_of(const Values& values, std::size_t columns) {
  return [&values, columns](std::size_t from, std::size_t count, double* to) {
    std::copy_n(values.data() + from * columns, count * columns, to);
  };
}

bool same(const Values& a, const Values& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void gram(std::size_t rows, std::size_t columns, std::size_t from, std::size_t to) {
  const Values x = random_values(rows * columns, rows * 1000 + columns);
  Values expected(columns * columns, 0.25);  // what is not written stays
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t j = i; j < columns; ++j) {
      double sum = 0;
      for (std::size_t r = from; r < to; ++r) {
        sum = std::fma(x[r * columns + i], x[r * columns + j], sum);
      }
      expected[i * columns + j] = sum;
    }
  }
  for (dense::Instructions with : dense::instructions()) {
    Values got(columns * columns, 0.25);
    for (std::size_t left = 0; left < columns; left += dense::kStripe) {
      dense::gram(rows_of(x, columns), columns, from, to, left, got.data() + left * columns, with);
    }
    check(same(got, expected), "Gram matrix of " + std::to_string(rows) + " x " + std::to_string(columns) +
                                   " by instructions " + std::to_string(static_cast<int>(with)));
  }
}

void product(std::size_t rows, std::size_t from, std::size_t inner, std::size_t columns) {
  const Values x = random_values(rows * inner, 7), b = random_values(inner * columns, 8);
  Values expected(rows * columns, 0.25);
  for (std::size_t i = from; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < inner; ++k) {
        sum = std::fma(x[i * inner + k], b[k * columns + j], sum);
      }
      expected[i * columns + j] = sum;
    }
  }
  for (dense::Instructions with : dense::instructions()) {
    Values got(rows * columns, 0.25);
    dense::product(
        rows_of(x, inner), from, rows, inner, rows_of(b, columns), columns,
        [&](std::size_t row, const double* values) { std::copy_n(values, columns, got.data() + row * columns); }, with);
    check(same(got, expected), "product of " + std::to_string(rows) + " x " + std::to_string(inner) + " x " +
                                   std::to_string(columns) + " by instructions " +
                                   std::to_string(static_cast<int>(with)));
  }
}

// Rounding is to a neighbour, without a bias, and refuses what exceeds the bound.
void rounding() {
  auto random = secret_generator();
  constexpr std::size_t kCount = 1 << 20;
  for (const double x : Values{0.0, -0.0, 0.25, -0.25, 3.999, -1000.5, 16383.75 / 64, -0x1p23 - 0.125, (0x1p30 - 1) / 64}) {
    const Values values(kCount, x);
    std::vector<std::int32_t> out(kCount);
    check(dense::round(values.data(), kCount, 64, 0x1p30 - 1, *random, out.data()), "a value within the bound");
    const double exact = x * 64;
    double sum = 0;
    bool near = true;
    for (const std::int32_t v : out) {
      near &= std::abs(v - exact) < 1;
      sum += v - exact;
    }
    check(near, "rounded to a neighbour of " + std::to_string(exact));
    // Five deviations of at most 1/2 each, and the allowed bias.
    check(std::abs(sum / kCount) <= 2.5 / std::sqrt(kCount) + 0x1p-17, "no bias at " + std::to_string(exact));
  }
  for (const double x : Values{16.01, -16.01, std::nan(""), INFINITY, -INFINITY, 1e300}) {
    std::int32_t out[3];
    const double values[3] = {0, x, 0};
    check(!dense::round(values, 3, 64, 1024, *random, out), "a value beyond the bound");
  }
  const double edge[2] = {16, -16};
  std::int32_t out[2];
  check(dense::round(edge, 2, 64, 1024, *random, out) && out[0] == 1024 && out[1] == -1024, "the bound itself");
}

}  // namespace

int main() {
  rounding();
  gram(1, 1, 0, 1);
  gram(5, 3, 5, 5);
  gram(300, 17, 0, 300);
  gram(300, 16, 3, 257);
  gram(129, 47, 0, 129);
  gram(40, 512, 0, 40);
  gram(9, 1061, 1, 9);
  product(1, 0, 1, 1);
  product(8, 0, 128, 16);
  product(9, 0, 129, 17);
  product(7, 6, 1, 33);
  product(140, 9, 300, 47);
  product(3, 3, 257, 1);
  check(throws<BadArgument>([] { dense::gram(rows_of({}, 3), 3, 0, 0, 3, nullptr, dense::Instructions::kScalar); }),
        "a stripe beyond the columns");
  return finished("dense tests");
}
