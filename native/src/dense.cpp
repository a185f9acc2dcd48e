#include "dense.h"

#include <algorithm>
#include <cmath>

#include "context.h"

namespace espalier::dense {

namespace {

// Sums are made in tiles of kHigh × kWide, which the wider registers hold, from packed operands: kWide columns,
// or rows transposed, side by side for each value of the summed index. Shorter ones are filled up with zeros.
constexpr std::size_t kHigh = 8, kWide = 16;
constexpr std::size_t kDeep = 128;  // terms at a time: the operands of a tile stay in the first-level cache

std::size_t up(std::size_t x, std::size_t step) { return (x + step - 1) / step * step; }

// c[i][j] += Σ_k a[k·a_step + i]·b[k·kWide + j]
using Tile = void (*)(std::size_t terms, const double* a, std::size_t a_step, const double* b, double* c,
                      std::size_t c_step);

void tile_scalar(std::size_t terms, const double* a, std::size_t a_step, const double* b, double* c,
                 std::size_t c_step) {
  for (std::size_t i = 0; i < kHigh; ++i) {
    double sum[kWide];
    std::copy_n(c + i * c_step, kWide, sum);
    for (std::size_t k = 0; k < terms; ++k) {
      const double x = a[k * a_step + i];
      for (std::size_t j = 0; j < kWide; ++j) {
        sum[j] = __builtin_fma(x, b[k * kWide + j], sum[j]);
      }
    }
    std::copy_n(sum, kWide, c + i * c_step);
  }
}

#if defined(__x86_64__)

// kHere rows and kVectors vectors at a time. The compiler makes one instruction of + and * (-ffp-contract=fast;
// a test holds all ways to the same bits).
template <typename Vector, std::size_t kHere, std::size_t kVectors>
__attribute__((always_inline)) inline void tile(std::size_t terms, const double* a, std::size_t a_step,
                                                const double* b, double* c, std::size_t c_step) {
  constexpr std::size_t kLanes = sizeof(Vector) / sizeof(double);
  for (std::size_t top = 0; top < kHigh; top += kHere) {
    for (std::size_t left = 0; left < kWide; left += kVectors * kLanes) {
      Vector sum[kHere][kVectors];
      for (std::size_t i = 0; i < kHere; ++i) {
        for (std::size_t v = 0; v < kVectors; ++v) {
          __builtin_memcpy(&sum[i][v], c + (top + i) * c_step + left + v * kLanes, sizeof(Vector));
        }
      }
      for (std::size_t k = 0; k < terms; ++k) {
        Vector y[kVectors];
        for (std::size_t v = 0; v < kVectors; ++v) {
          __builtin_memcpy(&y[v], b + k * kWide + left + v * kLanes, sizeof(Vector));
        }
        for (std::size_t i = 0; i < kHere; ++i) {
          const Vector x = a[k * a_step + top + i] - Vector{};
          for (std::size_t v = 0; v < kVectors; ++v) {
            sum[i][v] += x * y[v];
          }
        }
      }
      for (std::size_t i = 0; i < kHere; ++i) {
        for (std::size_t v = 0; v < kVectors; ++v) {
          __builtin_memcpy(c + (top + i) * c_step + left + v * kLanes, &sum[i][v], sizeof(Vector));
        }
      }
    }
  }
}

typedef double Four __attribute__((vector_size(32)));
typedef double Eight __attribute__((vector_size(64)));

__attribute__((target("avx2,fma"))) void tile_avx2(std::size_t terms, const double* a, std::size_t a_step,
                                                   const double* b, double* c, std::size_t c_step) {
  tile<Four, 4, 2>(terms, a, a_step, b, c, c_step);
}

__attribute__((target("avx512f"))) void tile_avx512(std::size_t terms, const double* a, std::size_t a_step,
                                                    const double* b, double* c, std::size_t c_step) {
  tile<Eight, 8, 2>(terms, a, a_step, b, c, c_step);
}

Tile tile_of(Instructions with) {
  switch (with) {
    case Instructions::kAvx2:
      return tile_avx2;
    case Instructions::kAvx512:
      return tile_avx512;
    default:
      return tile_scalar;
  }
}

#else

Tile tile_of(Instructions) { return tile_scalar; }

#endif

using Values = Wiped<double>;

// Rows of `columns` values as panels of kWide columns.
void pack(const double* rows, std::size_t count, std::size_t columns, double* panels) {
  for (std::size_t left = 0; left < columns; left += kWide) {
    const std::size_t width = std::min(kWide, columns - left);
    for (std::size_t k = 0; k < count; ++k, panels += kWide) {
      std::copy_n(rows + k * columns + left, width, panels);
      std::fill_n(panels + width, kWide - width, 0.0);
    }
  }
}

}  // namespace

std::vector<Instructions> instructions() {
  std::vector<Instructions> result{Instructions::kScalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    result.push_back(Instructions::kAvx2);
  }
  if (__builtin_cpu_supports("avx512f")) {
    result.push_back(Instructions::kAvx512);
  }
#endif
  return result;
}

void gram(const Rows& x, std::size_t columns, std::size_t from, std::size_t to, std::size_t left, double* out,
          Instructions with) {
  if (left % kStripe != 0 || left >= columns || from > to) {
    throw BadArgument("no such part of a Gram matrix");
  }
  const Tile add = tile_of(with);
  const std::size_t padded = up(columns, kWide), high = std::min(kStripe, columns - left);
  Values rows(kDeep * columns), panels(kDeep * padded), sums(up(high, kHigh) * padded, 0.0);
  for (std::size_t first = from; first < to; first += kDeep) {
    const std::size_t count = std::min(kDeep, to - first);
    x(first, count, rows.data());
    pack(rows.data(), count, columns, panels.data());
    // Where column j begins in its panel.
    auto column = [&](std::size_t j) { return panels.data() + j / kWide * kWide * count + j % kWide; };
    for (std::size_t j = left; j < columns; j += kWide) {
      for (std::size_t i = 0; i < high && left + i < j + kWide; i += kHigh) {
        add(count, column(left + i), kWide, column(j), sums.data() + i * padded + j, padded);
      }
    }
  }
  for (std::size_t i = 0; i < high; ++i) {
    std::copy_n(sums.data() + i * padded + left + i, columns - left - i, out + i * columns + left + i);
  }
}

void product(const Rows& x, std::size_t from, std::size_t to, std::size_t inner, const Rows& b, std::size_t columns,
             const std::function<void(std::size_t row, const double* values)>& put, Instructions with) {
  if (from > to) {
    throw BadArgument("no such part of a product");
  }
  const Tile add = tile_of(with);
  const std::size_t padded = up(columns, kWide);
  Values panels(inner * padded);
  {
    Values factor(kDeep * columns);
    for (std::size_t first = 0; first < inner; first += kDeep) {
      const std::size_t count = std::min(kDeep, inner - first);
      b(first, count, factor.data());
      pack(factor.data(), count, columns, panels.data() + first * padded);
    }
  }
  // Few rows at a time: they and their sums stay in the second-level cache.
  const std::size_t most = up(std::min(kDeep, to - from), kHigh);
  Values left(most * inner, 0.0), block(kHigh * kDeep), sums(most * padded);
  for (std::size_t top = from; top < to; top += most) {
    const std::size_t rows = std::min(most, to - top);
    x(top, rows, left.data());
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t first = 0; first < inner; first += kDeep) {
      const std::size_t count = std::min(kDeep, inner - first);
      for (std::size_t i = 0; i < rows; i += kHigh) {
        double* to_block = block.data();
        for (std::size_t k = 0; k < count; ++k) {
          for (std::size_t row = i; row < i + kHigh; ++row) {
            *to_block++ = left[row * inner + first + k];
          }
        }
        for (std::size_t j = 0; j < columns; j += kWide) {
          add(count, block.data(), kHigh, panels.data() + first * padded + j * count, sums.data() + i * padded + j,
              padded);
        }
      }
    }
    for (std::size_t i = 0; i < rows; ++i) {
      put(top + i, sums.data() + i * padded);
    }
  }
}

bool round(const double* values, std::size_t count, double scale, double largest,
           seal::UniformRandomGenerator& random, std::int32_t* out) {
  constexpr double kUp = 1 << 30;  // above zero the integer part is the lower neighbour
  constexpr std::size_t kAtOnce = 2048;
  std::uint16_t coins[kAtOnce];
  int beyond = 0;
  for (std::size_t from = 0; from < count; from += kAtOnce) {
    const std::size_t some = std::min(kAtOnce, count - from);
    random.generate(some * sizeof(coins[0]), reinterpret_cast<seal::seal_byte*>(coins));
    for (std::size_t i = 0; i < some; ++i) {
      const double x = values[from + i] * scale;
      beyond |= static_cast<int>(!(std::abs(x) <= largest));
      const double kept = std::min(std::max(-largest, x), largest);  // what is no number becomes one
      out[from + i] = static_cast<std::int32_t>(kept + (coins[i] + 0.5) * 0x1p-16 + kUp) - (1 << 30);
    }
  }
  wipe(coins, sizeof(coins));
  return beyond == 0;
}

}  // namespace espalier::dense
