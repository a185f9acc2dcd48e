// The kernels of level sealed at its parameters: N = 8192, two primes of 60 bits for products with a matrix,
// three of 52 for slots, t of 51 bits.   he_sealed [--json] [--rows N] [--columns N] [--factors N] [--turns N]
//
// Medians of wall time on all cores, and processor time of all of them, over turns.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

#include "codec.h"
#include "matrix.h"
#include "slots.h"

using namespace espalier;

namespace {

constexpr std::size_t kDegree = 8192;

double now(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

struct Cost {
  double wall, processor;
};

Cost median(std::size_t turns, const std::function<void()>& work) {
  std::vector<double> wall, processor;
  for (std::size_t i = 0; i < turns; ++i) {
    const double w = now(CLOCK_MONOTONIC), p = now(CLOCK_PROCESS_CPUTIME_ID);
    work();
    wall.push_back(now(CLOCK_MONOTONIC) - w);
    processor.push_back(now(CLOCK_PROCESS_CPUTIME_ID) - p);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(processor.begin(), processor.end());
  return {wall[turns / 2], processor[turns / 2]};
}

bool json = false;
std::string figures;

/// @param name of the figure in JSON, milliseconds of processor time; empty: only for people
void print(const char* what, const std::string& name, Cost cost, double scale, const char* unit) {
  if (json) {
    if (!name.empty()) {
      figures += (figures.empty() ? "\"" : ",\"") + name + "_ms\":" + std::to_string(cost.processor * 1e3);
    }
    return;
  }
  std::printf("%-52s %9.3f %s wall %9.3f processor\n", what, cost.wall * scale, unit, cost.processor * scale);
}

std::shared_ptr<const Context> context(const std::vector<int>& bits) {
  std::vector<u64> primes;
  for (const auto& p : seal::CoeffModulus::Create(kDegree, bits)) {
    primes.push_back(p.value());
  }
  return std::make_shared<const Context>(kDegree, primes, seal::PlainModulus::Batching(kDegree, 51).value());
}

std::shared_ptr<Ciphertext> received(const SecretKey& key, const SecretVector& plain) {
  const auto bytes = write_seeded(*key.context, encrypt(key, plain));
  return std::make_shared<Ciphertext>(read_seeded(key.context, bytes.data(), bytes.size()));
}

void slots(std::size_t factors, std::size_t turns) {
  const auto c = context({52, 52, 52});
  const SecretKey key(c);
  std::mt19937_64 random(1);
  std::vector<std::int32_t> values(factors * kDegree);
  for (auto& v : values) {
    v = static_cast<std::int32_t>(random() % 65536) - 32768;
  }
  const auto public_key = received(key, {});
  std::vector<std::shared_ptr<Ciphertext>> operands;
  for (std::size_t j = 0; j < factors; ++j) {
    operands.push_back(received(key, slot_polynomial(*c, values.data() + j * kDegree, kDegree)));
  }
  std::vector<std::uint8_t> bytes;
  print("encrypt slots, to bytes", "encrypt_slots", median(turns, [&] {
          bytes = write_seeded(*c, encrypt(key, slot_polynomial(*c, values.data(), kDegree)));
        }), 1e3, "ms");
  print("read them", "read_slots", median(turns, [&] { read_seeded(c, bytes.data(), bytes.size()); }), 1e3, "ms");
  const Cost add = median(turns, [&] { SlotSum(c).add(operands, values.data()); });
  print((std::to_string(factors) + " products in slots").c_str(), "slot_products", add, 1e3, "ms");
  Reply reply;
  print("products and reply", "slot_products_and_reply", median(turns, [&] {
          SlotSum fresh(c);
          fresh.add(operands, values.data());
          reply = fresh.finish(*public_key, fresh_seed(), 2);
        }), 1e3, "ms");
  print("open it", "open_slots", median(turns, [&] { open_slots(key, reply.bytes.data(), reply.bytes.size(), 2); }), 1e3, "ms");
}

void matrix(std::size_t rows, std::size_t columns, Lanes lanes, std::size_t turns) {
  const auto c = context({60, 60});
  const SecretKey key(c);
  std::mt19937_64 random(2);
  std::vector<std::int32_t> values(rows * columns);
  for (auto& v : values) {
    v = static_cast<std::int32_t>(random() % 4001) - 2000;
  }
  const auto public_key = received(key, {});
  // What an operand holds does not matter for its time.
  SecretVector plain(kDegree);
  for (auto& v : plain) {
    v = random() % c->plain();
  }
  std::vector<std::shared_ptr<Ciphertext>> forward, backward;
  for (std::size_t g = 0; g < lanes.groups(columns); ++g) {
    forward.push_back(received(key, plain));
  }
  const std::size_t per_block = lanes.rows_per_block(*c), blocks = (rows + per_block - 1) / per_block;
  for (std::size_t b = 0; b < blocks; ++b) {
    backward.push_back(received(key, plain));
  }
  const Cost cost = median(turns, [&] {
    Matrix m(c, lanes, columns, lanes.lanes, forward);
    for (std::size_t b = 0; b < blocks; b += 16) {
      const std::size_t count = std::min<std::size_t>(16, blocks - b);
      const std::size_t here = std::min(rows - b * per_block, count * per_block);
      m.rows(values.data() + b * per_block * columns, here,
             {backward.begin() + static_cast<std::ptrdiff_t>(b), backward.begin() + static_cast<std::ptrdiff_t>(b + count)},
             *public_key, std::vector<Seed>(count, fresh_seed()), 1);
    }
    m.finish(*public_key, fresh_seed(), 1);
  });
  const double entries = static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(lanes.lanes);
  const std::string name = std::to_string(rows) + " x " + std::to_string(columns) + ", both ways, " +
                           std::to_string(lanes.lanes) + " lanes, width " + std::to_string(lanes.width);
  const std::string figure = "lanes_" + std::to_string(lanes.lanes) + "_width_" + std::to_string(lanes.width);
  print(name.c_str(), figure, cost, 1e3, "ms");
  print("  for each row, column and lane", "", cost, 1e9 / entries, "ns");
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rows = 8192, columns = 300, factors = 16, turns = 5;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--json") {
      json = true;
      continue;
    }
    std::size_t* number = a == "--rows" ? &rows : a == "--columns" ? &columns : a == "--factors" ? &factors
                          : a == "--turns" ? &turns : nullptr;
    const unsigned long value = number == nullptr || i + 1 == argc ? 0 : std::strtoul(argv[++i], nullptr, 10);
    if (value < 1 || value > 1000000) {
      std::fprintf(stderr, "usage: he_sealed [--json] [--rows N] [--columns N] [--factors N] [--turns N]\n");
      return 1;
    }
    *number = value;
  }
  slots(factors, 5 * turns);
  for (std::size_t lanes : {8u, 32u}) {
    for (std::size_t width : {1u, 4u}) {
      matrix(rows, columns, {lanes, width}, turns);
    }
  }
  if (json) {
    std::printf("{\"benchmark\":\"he-sealed\",\"rows\":%zu,\"columns\":%zu,\"factors\":%zu,\"turns\":%zu,\"figures\":{%s}}\n",
                rows, columns, factors, turns, figures.c_str());
  }
}
