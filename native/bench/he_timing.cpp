// Does the kernels' time depend on X? Welch's t-test between classes of X, taken in random order, for
// filling tiles, for accumulating and replying, for products in lanes and for products in slots, both with
// their replies.   he_timing [--json] [--turns N]
//
// |t| above 4.5 would be a dependence (the usual threshold of such tests). Times are processor time of all
// threads; the slowest tenth of each class is left out as interruptions.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "codec.h"
#include "matrix.h"
#include "slots.h"
#include "welch.h"

using namespace espalier;
using namespace espalier::timing;

namespace {

double cpu_us() { return timing::cpu_us(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::size_t turns = 1500;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--json") {
      json = true;
    } else if (i + 1 < argc && std::string(argv[i]) == "--turns") {
      turns = std::clamp<std::size_t>(std::strtoul(argv[++i], nullptr, 10), 20, 1000000);
    } else {
      std::fprintf(stderr, "usage: he_timing [--json] [--turns N]\n");
      return 1;
    }
  }
  std::vector<u64> primes;
  for (const auto& m : seal::CoeffModulus::Create(4096, {45, 45})) {
    primes.push_back(m.value());
  }
  auto context = std::make_shared<const Context>(4096, primes, seal::PlainModulus::Batching(4096, 36).value());
  SecretKey key(context);
  Seeded seeded = encrypt(key, {});
  const Ciphertext pk = expand(context, seeded.seed, seeded.c0);
  seeded = encrypt(key, SecretVector(4096, 5));
  const auto block = std::make_shared<Ciphertext>(expand(context, seeded.seed, seeded.c0));

  const Lanes lanes{8, 1};
  const std::size_t blocks = 4096 / lanes.rows_per_block(*context);
  const std::vector<std::shared_ptr<Ciphertext>> row_operands(blocks, block);

  const char* names[] = {"random", "zero", "one-hot", "largest", "negative"};
  const char* kernels[] = {"fill", "reply", "lanes", "slots"};
  std::mt19937_64 random(1);
  std::vector<std::vector<std::int32_t>> classes(5, std::vector<std::int32_t>(4096, 0));
  for (auto& v : classes[0]) {
    v = static_cast<std::int32_t>(random());
  }
  classes[2][17] = 1;
  std::fill(classes[3].begin(), classes[3].end(), 0x7fffffff);
  std::fill(classes[4].begin(), classes[4].end(), -1);
  std::vector<std::int32_t> place(4096);
  std::vector<std::vector<double>> times[4];
  for (auto& t : times) {
    t.resize(5);
  }
  for (std::size_t turn = 0; turn < turns * 5; ++turn) {
    const std::size_t k = random() % 5;
    // All classes from one place, so that addresses do not tell them apart.
    std::copy(classes[k].begin(), classes[k].end(), place.begin());
    const std::int32_t* x = place.data();
    auto tiles = std::make_shared<Tiles>(context, 4096, 1, 1, 1ll << 31);
    double at[5];
    at[0] = cpu_us();
    tiles->put(0, x, 4096);
    at[1] = cpu_us();
    Accumulator sum(tiles);
    sum.add({0}, {block});
    sum.finish(pk, fresh_seed(), 1);
    at[2] = cpu_us();
    Matrix matrix(context, lanes, 1, 8, {block});
    matrix.rows(x, 4096, row_operands, pk, std::vector<Seed>(blocks, fresh_seed()), 1);
    matrix.finish(pk, fresh_seed(), 1);
    at[3] = cpu_us();
    SlotSum slots(context);
    slots.add({block}, x);
    slots.finish(pk, fresh_seed(), 1);
    at[4] = cpu_us();
    for (std::size_t i = 0; turn > 50 && i < 4; ++i) {
      times[i][k].push_back(at[i + 1] - at[i]);
    }
  }
  double worst = 0;
  if (json) {
    std::printf("{\"benchmark\":\"he-timing\",\"turns\":%zu,\"classes\":[", turns);
  } else {
    std::printf("time by class of X against random X, about %zu turns each; |t| > 4.5 would be a dependence\n%-10s", turns,
                "X");
    for (const char* kernel : kernels) {
      std::printf(" %8s us %8s", kernel, "t");
    }
    std::printf("\n");
  }
  for (std::size_t k = 0; k < 5; ++k) {
    std::printf(json ? "%s{\"x\":\"%s\"" : "%s%-10s", json && k > 0 ? "," : "", names[k]);
    for (std::size_t i = 0; i < 4; ++i) {
      const Sample sample = trimmed(times[i][k]);
      const double t = k == 0 ? 0 : welch(sample, trimmed(times[i][0]));
      worst = std::max(worst, std::abs(t));
      if (json) {
        std::printf(",\"%s_us\":%.2f,\"%s_t\":%.2f", kernels[i], sample.mean, kernels[i], t);
      } else {
        std::printf(" %11.2f %8.2f", sample.mean, t);
      }
    }
    std::printf(json ? "}" : "\n");
  }
  std::printf(json ? "],\"largest_t\":%.2f}\n" : "largest |t| %.2f\n", worst);
  return 0;
}
