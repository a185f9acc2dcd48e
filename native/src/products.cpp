#include "products.h"

#include <algorithm>
#include <iterator>

#include "context.h"
#include "seal/util/uintarithsmallmod.h"
#include "wide.h"

namespace espalier {

namespace {

constexpr std::size_t kRun = ProductSums::kRun;
constexpr std::size_t kBatch = ProductSums::kBatch;
constexpr u64 kLow30 = (1ull << 30) - 1;
constexpr u64 kLow52 = (1ull << 52) - 1;

u64 reduce(u128 sum, const seal::Modulus& q) {
  const u64 words[2] = {static_cast<u64>(sum), static_cast<u64>(sum >> 64)};
  return seal::util::barrett_reduce_128(words, q);
}

}  // namespace

ProductSums::ProductSums(const seal::Modulus& q, Path fastest)
    : q_(q),
      path_(Path::kScalar),
      one_(factor(1, q)),
      two60_(factor((1ull << 60) % q.value(), q)),
      two52_((1ull << 52) % q.value()),
      two52_quotient_(static_cast<u64>((static_cast<u128>(two52_) << 52) / q.value())),
      reciprocal_((1ull << 52) / q.value()) {
  for (Path path : paths()) {
    if (path <= fastest && (path != Path::kIfma || q.bit_count() <= 50)) {
      path_ = path;
    }
  }
}

namespace {

// The operands of a run. Where several groups use them they are copied close together: they lie a power of two
// apart, on the same few lines of the first-level cache.
class Operands {
 public:
  const u64 *a[kBatch], *b[kBatch];

  explicit Operands(const Run& run) {
    for (std::size_t k = 0; k < run.blocks; ++k) {
      a[k] = run.a[k];
      b[k] = run.b[k];
      if (run.groups > 1) {
        std::copy_n(run.a[k], kRun, copies_a_[k]);
        std::copy_n(run.b[k], kRun, copies_b_[k]);
        a[k] = copies_a_[k];
        b[k] = copies_b_[k];
      }
    }
  }
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

 private:
  alignas(64) u64 copies_a_[kBatch][kRun], copies_b_[kBatch][kRun];
};

// Asks for memory in time, where it is not used in the order in which it lies: the processor would foresee only
// that. (A function of nothing but such requests has no effect to the compiler, which leaves out calls of it.)
#define ESPALIER_INLINE __attribute__((always_inline)) inline

// Line i/8 of block k's tile of the next group.
ESPALIER_INLINE void fetch_tile(const Run& run, std::size_t k, std::size_t g, std::size_t i) {
  if (i % 8 == 0) {
    __builtin_prefetch(run.x[k] + std::min(g + 1, run.groups - 1) * run.x_step[k] + i, 0, 2);
  }
}

// The sums of the next group.
ESPALIER_INLINE void fetch_sums(const Run& run, std::size_t g) {
  const std::size_t next = std::min(g + 1, run.groups - 1) * run.out_step;
  for (std::size_t i = 0; i < kRun; i += 8) {
    __builtin_prefetch(run.out_a + next + i, 1);
    __builtin_prefetch(run.out_b + next + i, 1);
  }
}

}  // namespace

void ProductSums::add_scalar(const Run& run) const {
  const Operands operands(run);
  for (std::size_t g = 0; g < run.groups; ++g) {
    fetch_sums(run, g);
    const u64* x[kBatch];
    for (std::size_t k = 0; k < run.blocks; ++k) {
      x[k] = run.x[k] + g * run.x_step[k];
    }
    u64 *out_a = run.out_a + g * run.out_step, *out_b = run.out_b + g * run.out_step;
    for (std::size_t i = 0; i < kRun; ++i) {
      u128 sum_a = out_a[i], sum_b = out_b[i];
      for (std::size_t k = 0; k < run.blocks; ++k) {
        fetch_tile(run, k, g, i);
        sum_a += static_cast<u128>(x[k][i]) * operands.a[k][i];
        sum_b += static_cast<u128>(x[k][i]) * operands.b[k][i];
      }
      out_a[i] = reduce(sum_a, q_);
      out_b[i] = reduce(sum_b, q_);
    }
  }
}

#if defined(__x86_64__)

namespace {

// Operands in halves below 2^30: x = x₀ + 2^30·x₁ and so on. Each of Σx₀a₀, Σx₁a₀, Σx₀a₁ and Σx₁a₁ over 16
// blocks is at most 16·(2^30 − 1)² = 2^64 − 2^35 + 16. What lies above 2^30 in the two middle sums, less than
// 2^34 − 31 each, and 2^5 that they and the lowest carry together still fit into the highest, so that the sum is
// low + 2^60·high with low below 2^60 and high below 2^64. Operands are kept with x₁ in the upper word.
struct Halves {
  alignas(64) u64 a[kBatch][kRun], b[kBatch][kRun];

  explicit Halves(const Run& run) {
    for (std::size_t k = 0; k < run.blocks; ++k) {
      for (std::size_t i = 0; i < kRun; ++i) {
        a[k][i] = run.a[k][i] >> 30 << 32 | (run.a[k][i] & kLow30);
        b[k][i] = run.b[k][i] >> 30 << 32 | (run.b[k][i] & kLow30);
      }
    }
  }
};

#define ESPALIER_FOUR __attribute__((target("avx2"), always_inline)) inline

struct FourSums {
  __m256i low, middle, other, high;
};

ESPALIER_FOUR __m256i load_four(const u64* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
ESPALIER_FOUR __m256i all_four(u64 x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }

ESPALIER_FOUR void add_products(FourSums& s, __m256i low, __m256i high, const u64* y) {
  const __m256i y0 = load_four(y), y1 = _mm256_srli_epi64(y0, 32);
  s.low = _mm256_add_epi64(s.low, _mm256_mul_epu32(low, y0));
  s.middle = _mm256_add_epi64(s.middle, _mm256_mul_epu32(high, y0));
  s.other = _mm256_add_epi64(s.other, _mm256_mul_epu32(low, y1));
  s.high = _mm256_add_epi64(s.high, _mm256_mul_epu32(high, y1));
}

// ⌊x·quotient/2^64⌋, at most two low.
ESPALIER_FOUR __m256i high_of_four(__m256i x, __m256i quotient) {
  const __m256i x1 = _mm256_srli_epi64(x, 32), y1 = _mm256_srli_epi64(quotient, 32);
  return _mm256_add_epi64(_mm256_mul_epu32(x1, y1),
                          _mm256_add_epi64(_mm256_srli_epi64(_mm256_mul_epu32(x1, quotient), 32),
                                           _mm256_srli_epi64(_mm256_mul_epu32(x, y1), 32)));
}

ESPALIER_FOUR __m256i low_of_four(__m256i x, __m256i y) {
  const __m256i cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), y),
                                         _mm256_mul_epu32(x, _mm256_srli_epi64(y, 32)));
  return _mm256_add_epi64(_mm256_mul_epu32(x, y), _mm256_slli_epi64(cross, 32));
}

// x − m where that is not negative; both below 2^63.
ESPALIER_FOUR __m256i below_four(__m256i x, __m256i m) {
  const __m256d difference = _mm256_castsi256_pd(_mm256_sub_epi64(x, m));
  return _mm256_castpd_si256(_mm256_blendv_pd(difference, _mm256_castsi256_pd(x), difference));
}

// Adds a sum to *out, modulo q. Below 8q come low + high·2^60 less what their estimated quotients take.
ESPALIER_FOUR void add_sum(const FourSums& s, Factor one, Factor two60, u64 prime, u64* out) {
  const __m256i mask = all_four(kLow30), q = all_four(prime), q4 = all_four(4 * prime);
  const __m256i carry = _mm256_add_epi64(_mm256_srli_epi64(s.low, 30),
                                         _mm256_add_epi64(_mm256_and_si256(s.middle, mask), _mm256_and_si256(s.other, mask)));
  const __m256i low = _mm256_or_si256(_mm256_and_si256(s.low, mask), _mm256_slli_epi64(_mm256_and_si256(carry, mask), 30));
  const __m256i high = _mm256_add_epi64(
      _mm256_add_epi64(s.high, _mm256_srli_epi64(carry, 30)),
      _mm256_add_epi64(_mm256_srli_epi64(s.middle, 30), _mm256_srli_epi64(s.other, 30)));
  const __m256i quotient = _mm256_add_epi64(high_of_four(high, all_four(two60.quotient)), high_of_four(low, all_four(one.quotient)));
  const __m256i value = _mm256_add_epi64(low_of_four(high, all_four(two60.value)), low);
  __m256i rest = below_four(_mm256_sub_epi64(value, low_of_four(quotient, q)), q4);
  rest = _mm256_add_epi64(rest, load_four(out));
  rest = below_four(below_four(below_four(rest, q4), all_four(2 * prime)), q);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), rest);
}

}  // namespace

__attribute__((target("avx2"))) void ProductSums::add_avx2(const Run& run) const {
  const Halves halves(run);
  const __m256i mask = all_four(kLow30);
  for (std::size_t g = 0; g < run.groups; ++g) {
    fetch_sums(run, g);
    u64 *out_a = run.out_a + g * run.out_step, *out_b = run.out_b + g * run.out_step;
    for (std::size_t i = 0; i < kRun; i += 4) {
      FourSums a{}, b{};
      for (std::size_t k = 0; k < run.blocks; ++k) {
        fetch_tile(run, k, g, i);
        const __m256i x = load_four(run.x[k] + g * run.x_step[k] + i);
        const __m256i low = _mm256_and_si256(x, mask), high = _mm256_srli_epi64(x, 30);
        add_products(a, low, high, halves.a[k] + i);
        add_products(b, low, high, halves.b[k] + i);
      }
      add_sum(a, one_, two60_, q_.value(), out_a + i);
      add_sum(b, one_, two60_, q_.value(), out_b + i);
    }
  }
}

namespace {

struct EightSums {
  __m512i low, middle, other, high;
};

ESPALIER_WIDE void add_products(EightSums& s, __m512i low, __m512i high, const u64* y) {
  const __m512i y0 = vec::load(y), y1 = _mm512_srli_epi64(y0, 32);
  s.low = _mm512_add_epi64(s.low, _mm512_mul_epu32(low, y0));
  s.middle = _mm512_add_epi64(s.middle, _mm512_mul_epu32(high, y0));
  s.other = _mm512_add_epi64(s.other, _mm512_mul_epu32(low, y1));
  s.high = _mm512_add_epi64(s.high, _mm512_mul_epu32(high, y1));
}

ESPALIER_WIDE void add_sum(const EightSums& s, Factor one, Factor two60, u64 prime, u64* out) {
  using namespace vec;
  const __m512i mask = all(kLow30), q = all(prime), q4 = all(4 * prime);
  const __m512i carry = _mm512_add_epi64(_mm512_srli_epi64(s.low, 30),
                                         _mm512_add_epi64(_mm512_and_si512(s.middle, mask), _mm512_and_si512(s.other, mask)));
  const __m512i low = _mm512_or_si512(_mm512_and_si512(s.low, mask), _mm512_slli_epi64(_mm512_and_si512(carry, mask), 30));
  const __m512i high = _mm512_add_epi64(
      _mm512_add_epi64(s.high, _mm512_srli_epi64(carry, 30)),
      _mm512_add_epi64(_mm512_srli_epi64(s.middle, 30), _mm512_srli_epi64(s.other, 30)));
  const __m512i quotient = _mm512_add_epi64(times_high(high, all(two60.quotient)), times_high(low, all(one.quotient)));
  const __m512i value = _mm512_add_epi64(_mm512_mullo_epi64(high, all(two60.value)), low);
  __m512i rest = below(_mm512_sub_epi64(value, _mm512_mullo_epi64(quotient, q)), q4);
  rest = _mm512_add_epi64(rest, load(out));
  keep(out, below(below(below(rest, q4), all(2 * prime)), q));
}

}  // namespace

__attribute__((target("avx512f,avx512dq"))) void ProductSums::add_avx512(const Run& run) const {
  const Halves halves(run);
  const __m512i mask = vec::all(kLow30);
  for (std::size_t g = 0; g < run.groups; ++g) {
    fetch_sums(run, g);
    u64 *out_a = run.out_a + g * run.out_step, *out_b = run.out_b + g * run.out_step;
    for (std::size_t i = 0; i < kRun; i += 8) {
      EightSums a{}, b{};
      for (std::size_t k = 0; k < run.blocks; ++k) {
        fetch_tile(run, k, g, i);
        const __m512i x = vec::load(run.x[k] + g * run.x_step[k] + i);
        const __m512i low = _mm512_and_si512(x, mask), high = _mm512_srli_epi64(x, 30);
        add_products(a, low, high, halves.a[k] + i);
        add_products(b, low, high, halves.b[k] + i);
      }
      add_sum(a, one_, two60_, q_.value(), out_a + i);
      add_sum(b, one_, two60_, q_.value(), out_b + i);
    }
  }
}

// Sums of 16 products of residues below 2^50 and one residue are below 2^104.
__attribute__((target("avx512f,avx512dq,avx512ifma"))) void ProductSums::add_ifma(const Run& run) const {
  using namespace vec;
  struct Sums {
    __m512i low, high;
  };
  constexpr std::size_t kVectors = kRun / 8;
  const Operands operands(run);
  const __m512i zero = _mm512_setzero_si512(), mask = all(kLow52), q = all(q_.value()), q2 = all(2 * q_.value()),
                minus_q = all((1ull << 52) - q_.value()), reciprocal = all(reciprocal_), two52 = all(two52_),
                two52_quotient = all(two52_quotient_);
  for (std::size_t g = 0; g < run.groups; ++g) {
    u64 *out_a = run.out_a + g * run.out_step, *out_b = run.out_b + g * run.out_step;
    Sums sum_a[kVectors], sum_b[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum_a[v] = {load(out_a + 8 * v), zero};
      sum_b[v] = {load(out_b + 8 * v), zero};
    }
    for (std::size_t k = 0; k < run.blocks; ++k) {
      const u64* at = run.x[k] + g * run.x_step[k];
      for (std::size_t v = 0; v < kVectors; ++v) {
        const __m512i x = load(at + 8 * v), a = load(operands.a[k] + 8 * v), b = load(operands.b[k] + 8 * v);
        sum_a[v].low = _mm512_madd52lo_epu64(sum_a[v].low, x, a);
        sum_a[v].high = _mm512_madd52hi_epu64(sum_a[v].high, x, a);
        sum_b[v].low = _mm512_madd52lo_epu64(sum_b[v].low, x, b);
        sum_b[v].high = _mm512_madd52hi_epu64(sum_b[v].high, x, b);
      }
    }
    // low + 2^52·high, both below 2^52, less what quotients estimated from them times q are: below 4q < 2^52,
    // so that only the lower 52 bits of each product matter.
    auto reduce = [&](const Sums& s) __attribute__((target("avx512f,avx512dq,avx512ifma"), always_inline)) {
      const __m512i high = _mm512_add_epi64(s.high, _mm512_srli_epi64(s.low, 52));
      const __m512i low = _mm512_and_si512(s.low, mask);
      const __m512i of_high = _mm512_madd52hi_epu64(zero, high, two52_quotient);
      const __m512i of_low = _mm512_madd52hi_epu64(zero, low, reciprocal);
      __m512i rest = _mm512_madd52lo_epu64(low, high, two52);
      rest = _mm512_madd52lo_epu64(rest, of_high, minus_q);
      rest = _mm512_madd52lo_epu64(rest, of_low, minus_q);
      return below(below(_mm512_and_si512(rest, mask), q2), q);
    };
    for (std::size_t v = 0; v < kVectors; ++v) {
      keep(out_a + 8 * v, reduce(sum_a[v]));
      keep(out_b + 8 * v, reduce(sum_b[v]));
    }
  }
}

void ProductSums::add(const Run& run) const {
  switch (path_) {
    case Path::kScalar:
      return add_scalar(run);
    case Path::kAvx2:
      return add_avx2(run);
    case Path::kAvx512:
      return add_avx512(run);
    case Path::kIfma:
      return add_ifma(run);
  }
}

#else

void ProductSums::add(const Run& run) const { add_scalar(run); }

#endif

}  // namespace espalier
