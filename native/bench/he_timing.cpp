// Does the kernel's time depend on X? Welch's t-test between classes of X, taken in random order, for
// filling tiles and for accumulating and replying.   he_timing [--json] [--turns N]
//
// |t| above 4.5 would be a dependence (the usual threshold of such tests). Times are the processor
// time of one thread; the slowest tenth of each class is left out as interruptions.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "codec.h"
#include "kernel.h"

using namespace espalier;

namespace {

double cpu_us() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

struct Sample {
  double mean, variance;
  std::size_t count;
};

Sample trimmed(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  v.resize(v.size() * 9 / 10);
  double mean = 0, variance = 0;
  for (double x : v) {
    mean += x / static_cast<double>(v.size());
  }
  for (double x : v) {
    variance += (x - mean) * (x - mean) / static_cast<double>(v.size() - 1);
  }
  return {mean, variance, v.size()};
}

double welch(const Sample& a, const Sample& b) {
  return (a.mean - b.mean) /
         std::sqrt(a.variance / static_cast<double>(a.count) + b.variance / static_cast<double>(b.count));
}

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

  // One column: everything runs on this thread.
  const char* names[] = {"random", "zero", "one-hot", "largest", "negative"};
  std::mt19937_64 random(1);
  std::vector<std::vector<std::int32_t>> classes(5, std::vector<std::int32_t>(4096, 0));
  for (auto& v : classes[0]) {
    v = static_cast<std::int32_t>(random());
  }
  classes[2][17] = 1;
  std::fill(classes[3].begin(), classes[3].end(), 0x7fffffff);
  std::fill(classes[4].begin(), classes[4].end(), -1);
  std::vector<std::vector<double>> fill(5), reply(5);
  for (std::size_t turn = 0; turn < turns * 5; ++turn) {
    const std::size_t k = random() % 5;
    auto tiles = std::make_shared<Tiles>(context, 4096, 1, 1);
    double at = cpu_us();
    tiles->put(0, classes[k].data(), 4096);
    const double filled = cpu_us() - at;
    Accumulator sum(tiles);
    at = cpu_us();
    sum.add({0}, {block});
    const Reply made = sum.finish(pk, fresh_seed(), 1);
    const double replied = cpu_us() - at;
    if (turn > 50) {
      fill[k].push_back(filled);
      reply[k].push_back(replied);
    }
  }
  const Sample fill0 = trimmed(fill[0]), reply0 = trimmed(reply[0]);
  double worst = 0;
  std::string rows;
  for (std::size_t k = 1; k < 5; ++k) {
    const Sample f = trimmed(fill[k]), r = trimmed(reply[k]);
    const double tf = welch(f, fill0), tr = welch(r, reply0);
    worst = std::max({worst, std::abs(tf), std::abs(tr)});
    char line[256];
    if (json) {
      std::snprintf(line, sizeof(line),
                    "%s{\"x\":\"%s\",\"fill_us\":%.2f,\"fill_t\":%.2f,\"reply_us\":%.2f,\"reply_t\":%.2f}",
                    k == 1 ? "" : ",", names[k], f.mean, tf, r.mean, tr);
    } else {
      std::snprintf(line, sizeof(line), "%-10s %10.2f %8.2f %10.2f %8.2f\n", names[k], f.mean, tf, r.mean, tr);
    }
    rows += line;
  }
  if (json) {
    std::printf(
        "{\"benchmark\":\"he-timing\",\"turns\":%zu,\"random\":{\"fill_us\":%.2f,\"reply_us\":%.2f},\"classes\":[%s],"
        "\"largest_t\":%.2f}\n",
        turns, fill0.mean, reply0.mean, rows.c_str(), worst);
  } else {
    std::printf("time by class of X against random X, about %zu turns each; |t| > 4.5 would be a dependence\n", turns);
    std::printf("%-10s %10s %8s %10s %8s\n", "X", "fill us", "t", "reply us", "t");
    std::printf("%-10s %10.2f %8s %10.2f %8s\n%slargest |t| %.2f\n", names[0], fill0.mean, "", reply0.mean, "",
                rows.c_str(), worst);
  }
  return 0;
}
