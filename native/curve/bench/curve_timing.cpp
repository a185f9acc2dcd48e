// Does the time of a batch depend on the scalar, or on the elements? Welch's t-test between classes of both, taken in
// random order, for each way of this processor.   curve_timing [--json] [--turns N]
//
// |t| above 4.5 would be a dependence (the usual threshold of such tests). Times are processor time of this thread;
// the slowest tenth of each class is left out as interruptions.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "../../bench/welch.h"
#include "curve.h"

using namespace espalier::curve;
using namespace espalier::timing;

namespace {

constexpr std::size_t kElements = 8, kClasses = 6;

double cpu_us() { return espalier::timing::cpu_us(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::size_t turns = 2000;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--json") {
      json = true;
    } else if (i + 1 < argc && std::string(argv[i]) == "--turns") {
      turns = std::clamp<std::size_t>(std::strtoul(argv[++i], nullptr, 10), 20, 1000000);
    } else {
      std::fprintf(stderr, "usage: curve_timing [--json] [--turns N]\n");
      return 1;
    }
  }
  std::mt19937_64 random(1);
  struct Case {
    const char* name;
    std::uint8_t scalar[kWidth], elements[kElements * kWidth];
  };
  std::vector<Case> cases(kClasses);
  const char* names[kClasses] = {"random", "scalar of zeros", "scalar of ones", "scalar one-hot", "low order", "element 9"};
  for (std::size_t k = 0; k < kClasses; ++k) {
    cases[k].name = names[k];
    for (auto& b : cases[k].scalar) {
      b = static_cast<std::uint8_t>(random());
    }
    for (auto& b : cases[k].elements) {
      b = static_cast<std::uint8_t>(random());
    }
  }
  std::memset(cases[1].scalar, 0, kWidth);
  std::memset(cases[2].scalar, 0xff, kWidth);
  std::memset(cases[3].scalar, 0, kWidth);
  cases[3].scalar[16] = 1;
  std::memset(cases[4].elements, 0, sizeof cases[4].elements);
  std::memset(cases[5].elements, 0, sizeof cases[5].elements);
  for (std::size_t i = 0; i < kElements; ++i) {
    cases[5].elements[i * kWidth] = 9;
  }
  double worst = 0;
  if (json) {
    std::printf("{\"benchmark\":\"curve-timing\",\"turns\":%zu,\"ways\":[", turns);
  } else {
    std::printf("time of %zu elements by class against random ones, about %zu turns each; |t| > 4.5 would be a dependence\n",
                kElements, turns);
  }
  bool first = true;
  for (Way way : {Way::kPortable, Way::kIfma}) {
    if (!available(way)) {
      continue;
    }
    std::vector<std::vector<double>> times[2];
    for (auto& t : times) {
      t.resize(kClasses);
    }
    // All classes from one place, so that addresses do not tell them apart.
    std::uint8_t scalar[kWidth], elements[kElements * kWidth], mapped[kElements * kWidth];
    for (std::size_t turn = 0; turn < turns * kClasses; ++turn) {
      const std::size_t k = random() % kClasses;
      std::memcpy(scalar, cases[k].scalar, kWidth);
      std::memcpy(elements, cases[k].elements, sizeof elements);
      std::memcpy(mapped, elements, sizeof elements);
      const double start = cpu_us();
      multiply(way, scalar, elements, kElements);
      const double middle = cpu_us();
      map(way, mapped, kElements);
      const double end = cpu_us();
      if (turn > 50) {
        times[0][k].push_back(middle - start);
        times[1][k].push_back(end - middle);
      }
    }
    const char* way_name = way == Way::kIfma ? "native-ifma" : "native-portable";
    std::printf(json ? "%s{\"way\":\"%s\",\"classes\":[" : "%s%-16s %12s %8s %12s %8s\n", json && !first ? "," : "",
                way_name, "multiply us", "t", "map us", "t");
    first = false;
    for (std::size_t k = 0; k < kClasses; ++k) {
      const Sample multiplied = trimmed(times[0][k]), image = trimmed(times[1][k]);
      const double t0 = k == 0 ? 0 : welch(multiplied, trimmed(times[0][0]));
      const double t1 = k == 0 ? 0 : welch(image, trimmed(times[1][0]));
      worst = std::max({worst, std::abs(t0), std::abs(t1)});
      if (json) {
        std::printf("%s{\"class\":\"%s\",\"multiply_us\":%.2f,\"multiply_t\":%.2f,\"map_us\":%.2f,\"map_t\":%.2f}",
                    k > 0 ? "," : "", cases[k].name, multiplied.mean, t0, image.mean, t1);
      } else {
        std::printf("%-16s %12.2f %8.2f %12.2f %8.2f\n", cases[k].name, multiplied.mean, t0, image.mean, t1);
      }
    }
    if (json) {
      std::printf("]}");
    }
  }
  std::printf(json ? "],\"largest_t\":%.2f}\n" : "largest |t| %.2f\n", worst);
  return 0;
}
