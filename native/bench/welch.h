// Welch's t-test between times of two classes of inputs, for the programs that look for a dependence.
#pragma once

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace espalier::timing {

// Processor time by this clock, microseconds.
inline double cpu_us(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

struct Sample {
  double mean, variance;
  std::size_t count;
};

// Without the slowest tenth, which are interruptions.
inline Sample trimmed(std::vector<double> v) {
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

inline double welch(const Sample& a, const Sample& b) {
  return (a.mean - b.mean) /
         std::sqrt(a.variance / static_cast<double>(a.count) + b.variance / static_cast<double>(b.count));
}

}  // namespace espalier::timing
