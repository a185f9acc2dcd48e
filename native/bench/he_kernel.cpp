// Xᵀ·[[r]] of a 100,000 × 50 matrix: this project's kernel against SEAL's own API, turn by turn in one
// process.   he_kernel [--json] [--rows N] [--columns N] [--turns N]
//
// Both sides start from transformed tiles and transformed ciphertexts and end with one sum a column.
// SEAL: multiply_plain and add_inplace for each pair, as its API offers it, on as many threads as the
// kernel uses. Their sums are compared by decryption before anything is reported. Figures for one core
// are processor time on one core, those for all cores wall time.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "codec.h"
#include "kernel.h"
#include "seal/util/ntt.h"

using namespace espalier;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Processor time of all threads: what one core needs, whoever else uses the machine.
double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "he_kernel: %s\n", what);
  std::exit(1);
}

struct Numbers {
  std::vector<double> kernel, api;
};

// SEAL's context over the same two data primes; the third is its special prime.
seal::SEALContext seal_context(const Context& ours, u64 special) {
  seal::EncryptionParameters p(seal::scheme_type::bfv);
  p.set_poly_modulus_degree(ours.degree());
  p.set_coeff_modulus({ours.modulus(0), ours.modulus(1), seal::Modulus(special)});
  p.set_plain_modulus(ours.plain());
  return seal::SEALContext(p, true, seal::sec_level_type::tc128);
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::size_t rows = 100000, columns = 50, turns = 9;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--json") {
      json = true;
    } else if (i + 1 < argc && (a == "--rows" || a == "--columns" || a == "--turns")) {
      const unsigned long value = std::strtoul(argv[++i], nullptr, 10);
      if (value < 1 || value > 10000000) {
        fail("a number is out of range");
      }
      (a == "--rows" ? rows : a == "--columns" ? columns : turns) = value;
    } else {
      fail("usage: he_kernel [--json] [--rows N] [--columns N] [--turns N]");
    }
  }

  const std::size_t degree = 8192;
  std::vector<u64> primes;
  for (const auto& m : seal::CoeffModulus::Create(degree, {60, 60, 60})) {
    primes.push_back(m.value());
  }
  auto context = std::make_shared<const Context>(degree, std::vector<u64>{primes[0], primes[1]},
                                                 seal::PlainModulus::Batching(degree, 50).value());
  const Context& c = *context;
  SecretKey key(context);
  seal::SEALContext theirs = seal_context(c, primes[2]);
  seal::Evaluator evaluator(theirs);

  std::mt19937_64 random(1);
  auto tiles = std::make_shared<Tiles>(context, rows, columns, 1);
  std::vector<i64> r(rows), expected(columns, 0);
  for (auto& v : r) {
    v = static_cast<i64>(random() % 33) - 16;
  }
  std::vector<std::shared_ptr<Ciphertext>> blocks;
  std::vector<seal::Ciphertext> seal_blocks;
  std::vector<seal::Plaintext> seal_tiles(tiles->blocks() * columns);
  std::vector<double> encrypt_ms, expand_ms;
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    const std::size_t count = tiles->rows_in(b), from = b * degree;
    std::vector<std::int32_t> x(count * columns);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        x[i * columns + j] = static_cast<std::int32_t>(random() % 2049) - 1024;
        expected[j] += x[i * columns + j] * r[from + i];
      }
    }
    tiles->put(b, x.data(), count);
    double at = cpu_seconds();
    auto wire = write_seeded(c, encrypt(key, residual_polynomial(c, r.data() + from, count, 1)));
    encrypt_ms.push_back((cpu_seconds() - at) * 1e3);
    at = cpu_seconds();
    blocks.push_back(std::make_shared<Ciphertext>(read_seeded(context, wire.data(), wire.size())));
    expand_ms.push_back((cpu_seconds() - at) * 1e3);
    seal::Ciphertext copy(theirs, theirs.first_parms_id());
    copy.resize(2);
    std::copy(blocks[b]->c0.begin(), blocks[b]->c0.end(), copy.data(0));
    std::copy(blocks[b]->c1.begin(), blocks[b]->c1.end(), copy.data(1));
    copy.is_ntt_form() = true;
    seal_blocks.push_back(copy);
    for (std::size_t j = 0; j < columns; ++j) {
      seal::Plaintext tile(degree);
      for (std::size_t i = 0; i < count; ++i) {
        const i64 v = x[i * columns + j];
        tile[i] = static_cast<u64>(v < 0 ? v + static_cast<i64>(c.plain()) : v);
      }
      evaluator.transform_to_ntt_inplace(tile, theirs.first_parms_id());
      seal_tiles[b * columns + j] = std::move(tile);
    }
  }

  std::vector<std::size_t> index(tiles->blocks());
  for (std::size_t b = 0; b < index.size(); ++b) {
    index[b] = b;
  }
  auto kernel = [&](Accumulator& sum) {
    for (std::size_t b = 0; b < index.size(); b += 16) {
      const auto end = static_cast<std::ptrdiff_t>(std::min(b + 16, index.size())), begin = static_cast<std::ptrdiff_t>(b);
      sum.add({index.begin() + begin, index.begin() + end}, {blocks.begin() + begin, blocks.begin() + end});
    }
  };
  std::vector<seal::Ciphertext> sums(columns);
  auto api = [&](std::size_t threads) {
    auto work = [&](std::size_t first) {
      seal::Ciphertext product;
      for (std::size_t j = first; j < columns; j += threads) {
        for (std::size_t b = 0; b < seal_blocks.size(); ++b) {
          if (b == 0) {
            evaluator.multiply_plain(seal_blocks[b], seal_tiles[j], sums[j]);
          } else {
            evaluator.multiply_plain(seal_blocks[b], seal_tiles[b * columns + j], product);
            evaluator.add_inplace(sums[j], product);
          }
        }
      }
    };
    std::vector<std::thread> pool;
    for (std::size_t t = 1; t < threads; ++t) {
      pool.emplace_back(work, t);
    }
    work(0);
    for (auto& t : pool) {
      t.join();
    }
  };

  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  Numbers one, all;
  std::vector<double> finish_ms, open_ms;
  cpu_set_t whole;
  CPU_ZERO(&whole);
  if (sched_getaffinity(0, sizeof(whole), &whole) != 0) {
    fail("cannot read the processors of this process");
  }
  cpu_set_t single;
  CPU_ZERO(&single);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &whole)) {
      CPU_SET(cpu, &single);
      break;
    }
  }
  Ciphertext pk = expand(context, fresh_seed(), std::vector<u64>(c.size()));
  {
    Seeded seeded = encrypt(key, {});
    pk = expand(context, seeded.seed, seeded.c0);
  }
  for (std::size_t turn = 0; turn <= turns; ++turn) {  // the first one warms up and checks
    for (bool pinned : {true, false}) {
      sched_setaffinity(0, sizeof(whole), pinned ? &single : &whole);
      auto clock = pinned ? cpu_seconds : seconds;
      Accumulator sum(tiles);
      double at = clock();
      kernel(sum);
      const double ours = (clock() - at) * 1e3;
      at = clock();
      api(pinned ? 1 : cores);
      const double seals = (clock() - at) * 1e3;
      at = clock();
      Reply reply = sum.finish(pk, fresh_seed(), 2);
      const double finish = (clock() - at) * 1e3;
      at = clock();
      auto opened = open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, 1, 2);
      const double open = (clock() - at) * 1e3;
      if (turn == 0) {
        // SEAL's sums under the same secret: c0 + c1·s of the wanted coefficient.
        for (std::size_t j = 0; j < columns; ++j) {
          std::vector<u64> phase(c.size());
          for (std::size_t i = 0; i < c.size(); ++i) {
            const auto& q = c.modulus(i / degree);
            phase[i] = seal::util::add_uint_mod(
                sums[j].data(0)[i], seal::util::multiply_uint_mod(sums[j].data(1)[i], key.s[i], q), q);
          }
          c.inverse_ntt(phase.data());
          const u64 residues[2] = {phase[degree - 1], phase[2 * degree - 1]};
          const u64 t = c.plain();
          const u64 want = expected[j] < 0 ? t - static_cast<u64>(-expected[j]) : static_cast<u64>(expected[j]);
          if (c.round_to_plain(residues, 2) != want || (opened[j] + reply.shares[j]) % t != want) {
            fail("the two sums differ");
          }
        }
        continue;
      }
      (pinned ? one : all).kernel.push_back(ours);
      (pinned ? one : all).api.push_back(seals);
      if (pinned) {
        finish_ms.push_back(finish);
        open_ms.push_back(open);
      }
    }
  }
  auto ratio = [](const Numbers& n) {
    std::vector<double> paired;
    for (std::size_t i = 0; i < n.kernel.size(); ++i) {
      paired.push_back(n.api[i] / n.kernel[i]);
    }
    return median(paired);
  };
  if (json) {
    std::printf(
        "{\"benchmark\":\"he-kernel\",\"rows\":%zu,\"columns\":%zu,\"ring_degree\":%zu,\"seal\":\"%s\",\"turns\":%zu,"
        "\"one_core\":{\"kernel_ms\":%.2f,\"seal_api_ms\":%.2f,\"ratio\":%.2f},"
        "\"all_cores\":{\"cores\":%zu,\"kernel_ms\":%.2f,\"seal_api_ms\":%.2f,\"ratio\":%.2f},"
        "\"encrypt_block_ms\":%.3f,\"read_block_ms\":%.3f,\"reply_ms\":%.2f,\"open_ms\":%.2f}\n",
        rows, columns, degree, SEAL_VERSION, turns, median(one.kernel), median(one.api), ratio(one), cores,
        median(all.kernel), median(all.api), ratio(all), median(encrypt_ms), median(expand_ms), median(finish_ms),
        median(open_ms));
  } else {
    std::printf("X^T*[[r]], %zu x %zu, N = %zu, two 60-bit primes, SEAL %s, medians of %zu turns\n", rows, columns,
                degree, SEAL_VERSION, turns);
    std::printf("%-10s %12s %12s %8s\n", "", "kernel ms", "SEAL API ms", "ratio");
    std::printf("%-10s %12.2f %12.2f %8.2f\n", "one core", median(one.kernel), median(one.api), ratio(one));
    std::printf("%zu %-8s %12.2f %12.2f %8.2f\n", cores, "cores", median(all.kernel), median(all.api), ratio(all));
    std::printf("one core: encrypt a block %.3f ms, read one %.3f ms, make the reply %.2f ms, open it %.2f ms\n", median(encrypt_ms),
                median(expand_ms), median(finish_ms), median(open_ms));
  }
  return 0;
}
