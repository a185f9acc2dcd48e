// Xᵀ·[[r]] of a 100,000 × 50 matrix: this project's kernel against SEAL's own API, turn by turn in one
// process, at two sets of parameters.   he_kernel [--json] [--rows N] [--columns N] [--turns N]
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

struct Setup {
  const char* name;
  std::size_t degree;
  int bits, plain_bits;
  std::size_t width, reply_limbs;
};

// What ParameterChooser takes for 100,000 × 50 at nine bits a feature and a residual, and the largest primes.
constexpr Setup kSetups[] = {{"chosen", 4096, 37, 36, 2, 2}, {"largest", 8192, 60, 50, 1, 2}};

struct Figures {
  Numbers one, all;
  std::vector<Path> paths;
  std::vector<std::vector<double>> by_path;  // one core
  std::vector<double> encrypt_ms, expand_ms, finish_ms, open_ms;
};

double ratio(const Numbers& n) {
  std::vector<double> paired;
  for (std::size_t i = 0; i < n.kernel.size(); ++i) {
    paired.push_back(n.api[i] / n.kernel[i]);
  }
  return median(paired);
}

// SEAL's context over the same two data primes; the third is its special prime.
seal::SEALContext seal_context(const Context& ours, u64 special) {
  seal::EncryptionParameters p(seal::scheme_type::bfv);
  p.set_poly_modulus_degree(ours.degree());
  p.set_coeff_modulus({ours.modulus(0), ours.modulus(1), seal::Modulus(special)});
  p.set_plain_modulus(ours.plain());
  return seal::SEALContext(p, true, seal::sec_level_type::tc128);
}

Figures measure(const Setup& setup, std::size_t rows, std::size_t columns, std::size_t turns) {
  const std::size_t degree = setup.degree, width = setup.width;
  std::vector<u64> primes;
  for (const auto& m : seal::CoeffModulus::Create(degree, {setup.bits, setup.bits})) {
    primes.push_back(m.value());
  }
  const u64 special = seal::CoeffModulus::Create(degree, {setup.bits == 60 ? 59 : 35})[0].value();
  auto context = std::make_shared<const Context>(degree, primes,
                                                 seal::PlainModulus::Batching(degree, setup.plain_bits).value());
  const Context& c = *context;
  SecretKey key(context);
  seal::SEALContext theirs = seal_context(c, special);
  seal::Evaluator evaluator(theirs);

  std::mt19937_64 random(1);
  auto tiles = std::make_shared<Tiles>(context, rows, columns, width, 1024);
  const std::size_t groups = tiles->groups();
  std::vector<i64> r(rows), expected(columns, 0);
  for (auto& v : r) {
    v = static_cast<i64>(random() % 33) - 16;
  }
  Figures out;
  std::vector<std::shared_ptr<Ciphertext>> blocks;
  std::vector<seal::Ciphertext> seal_blocks;
  std::vector<seal::Plaintext> seal_tiles(tiles->blocks() * groups);
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    const std::size_t count = tiles->rows_in(b), from = b * tiles->rows_per_block();
    std::vector<std::int32_t> x(count * columns);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        x[i * columns + j] = static_cast<std::int32_t>(random() % 2049) - 1024;
        expected[j] += x[i * columns + j] * r[from + i];
      }
    }
    tiles->put(b, x.data(), count);
    double at = cpu_seconds();
    auto wire = write_seeded(c, encrypt(key, residual_polynomial(c, r.data() + from, count, width)));
    out.encrypt_ms.push_back((cpu_seconds() - at) * 1e3);
    at = cpu_seconds();
    blocks.push_back(std::make_shared<Ciphertext>(read_seeded(context, wire.data(), wire.size())));
    out.expand_ms.push_back((cpu_seconds() - at) * 1e3);
    seal::Ciphertext copy(theirs, theirs.first_parms_id());
    copy.resize(2);
    std::copy(blocks[b]->c0.begin(), blocks[b]->c0.end(), copy.data(0));
    std::copy(blocks[b]->c1.begin(), blocks[b]->c1.end(), copy.data(1));
    copy.is_ntt_form() = true;
    seal_blocks.push_back(copy);
    for (std::size_t g = 0; g < groups; ++g) {
      seal::Plaintext tile(degree);
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < std::min(width, columns - g * width); ++j) {
          const i64 v = x[i * columns + g * width + j];
          tile[i * width + (width - 1 - j)] = static_cast<u64>(v < 0 ? v + static_cast<i64>(c.plain()) : v);
        }
      }
      evaluator.transform_to_ntt_inplace(tile, theirs.first_parms_id());
      seal_tiles[b * groups + g] = std::move(tile);
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
  std::vector<seal::Ciphertext> sums(groups);
  auto api = [&](std::size_t threads) {
    auto work = [&](std::size_t first) {
      seal::Ciphertext product;
      for (std::size_t g = first; g < groups; g += threads) {
        for (std::size_t b = 0; b < seal_blocks.size(); ++b) {
          if (b == 0) {
            evaluator.multiply_plain(seal_blocks[b], seal_tiles[g], sums[g]);
          } else {
            evaluator.multiply_plain(seal_blocks[b], seal_tiles[b * groups + g], product);
            evaluator.add_inplace(sums[g], product);
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

  for (Path path : paths()) {
    if (ProductSums(c.modulus(0), path).path() == path) {
      out.paths.push_back(path);
    }
  }
  out.by_path.resize(out.paths.size());
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
  const Seeded seeded = encrypt(key, {});
  const Ciphertext pk = expand(context, seeded.seed, seeded.c0);
  for (std::size_t turn = 0; turn <= turns; ++turn) {  // the first one warms up and checks
    for (bool pinned : {true, false}) {
      sched_setaffinity(0, sizeof(whole), pinned ? &single : &whole);
      auto clock = pinned ? cpu_seconds : seconds;
      Accumulator sum(tiles);
      double at = clock();
      kernel(sum);
      const double ours = (clock() - at) * 1e3;
      at = clock();
      api(pinned ? 1 : std::max(1u, std::thread::hardware_concurrency()));
      const double seals = (clock() - at) * 1e3;
      at = clock();
      Reply reply = sum.finish(pk, fresh_seed(), setup.reply_limbs);
      const double finish = (clock() - at) * 1e3;
      at = clock();
      auto opened = open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, setup.reply_limbs);
      const double open = (clock() - at) * 1e3;
      if (turn == 0) {
        // SEAL's sums under the same secret: c0 + c1·s of the wanted coefficients.
        for (std::size_t j = 0; j < columns; ++j) {
          const seal::Ciphertext& total = sums[j / width];
          std::vector<u64> phase(c.size());
          for (std::size_t i = 0; i < c.size(); ++i) {
            const auto& q = c.modulus(i / degree);
            phase[i] = seal::util::add_uint_mod(total.data(0)[i],
                                                seal::util::multiply_uint_mod(total.data(1)[i], key.s[i], q), q);
          }
          c.inverse_ntt(phase.data());
          const std::size_t place = degree - 1 - j % width;
          const u64 residues[2] = {phase[place], phase[degree + place]};
          const u64 t = c.plain();
          const u64 want = expected[j] < 0 ? t - static_cast<u64>(-expected[j]) : static_cast<u64>(expected[j]);
          const u64 off = (opened[j] + reply.shares[j] + t - want) % t;  // a masked result may be off by a unit
          if (c.round_to_plain(residues, 2) != want || (off > 1 && off < t - 1)) {
            fail("the two sums differ");
          }
        }
        continue;
      }
      (pinned ? out.one : out.all).kernel.push_back(ours);
      (pinned ? out.one : out.all).api.push_back(seals);
      if (pinned) {
        out.finish_ms.push_back(finish);
        out.open_ms.push_back(open);
        for (std::size_t p = 0; p < out.paths.size(); ++p) {
          Accumulator other(tiles, out.paths[p]);
          at = clock();
          kernel(other);
          out.by_path[p].push_back((clock() - at) * 1e3);
        }
      }
    }
  }
  return out;
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

  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  if (json) {
    std::printf("{\"benchmark\":\"he-kernel\",\"rows\":%zu,\"columns\":%zu,\"seal\":\"%s\",\"turns\":%zu,\"cores\":%zu,\"parameters\":[",
                rows, columns, SEAL_VERSION, turns, cores);
  } else {
    std::printf("X^T*[[r]], %zu x %zu, SEAL %s, medians of %zu turns, ms\n", rows, columns, SEAL_VERSION, turns);
  }
  for (const Setup& setup : kSetups) {
    const Figures f = measure(setup, rows, columns, turns);
    if (json) {
      std::printf("%s{\"name\":\"%s\",\"ring_degree\":%zu,\"prime_bits\":[%d,%d],\"plain_bits\":%d,\"width\":%zu,"
                  "\"one_core\":{\"kernel_ms\":%.2f,\"seal_api_ms\":%.2f,\"ratio\":%.2f},"
                  "\"all_cores\":{\"kernel_ms\":%.2f,\"seal_api_ms\":%.2f,\"ratio\":%.2f},\"paths_ms\":{",
                  &setup == kSetups ? "" : ",", setup.name, setup.degree, setup.bits, setup.bits, setup.plain_bits,
                  setup.width, median(f.one.kernel), median(f.one.api), ratio(f.one), median(f.all.kernel),
                  median(f.all.api), ratio(f.all));
      for (std::size_t p = 0; p < f.paths.size(); ++p) {
        std::printf("%s\"%s\":%.2f", p == 0 ? "" : ",", name_of(f.paths[p]).c_str(), median(f.by_path[p]));
      }
      std::printf("},\"encrypt_block_ms\":%.3f,\"read_block_ms\":%.3f,\"reply_ms\":%.2f,\"open_ms\":%.2f}",
                  median(f.encrypt_ms), median(f.expand_ms), median(f.finish_ms), median(f.open_ms));
    } else {
      std::printf("\nN = %zu, two %d-bit primes, t of %d bits, %zu column%s a tile (%s)\n", setup.degree, setup.bits,
                  setup.plain_bits, setup.width, setup.width == 1 ? "" : "s", setup.name);
      std::printf("%-10s %10s %10s %8s\n", "", "kernel", "SEAL API", "ratio");
      std::printf("%-10s %10.2f %10.2f %8.2f\n", "one core", median(f.one.kernel), median(f.one.api), ratio(f.one));
      std::printf("%zu %-8s %10.2f %10.2f %8.2f\n", cores, "cores", median(f.all.kernel), median(f.all.api), ratio(f.all));
      std::printf("one core, by instructions:");
      for (std::size_t p = 0; p < f.paths.size(); ++p) {
        std::printf(" %s %.2f", name_of(f.paths[p]).c_str(), median(f.by_path[p]));
      }
      std::printf("\none core: encrypt a block %.3f, read one %.3f, make the reply %.2f, open it %.2f\n", median(f.encrypt_ms),
                  median(f.expand_ms), median(f.finish_ms), median(f.open_ms));
    }
    std::fflush(stdout);
  }
  if (json) {
    std::printf("]}\n");
  }
  return 0;
}
