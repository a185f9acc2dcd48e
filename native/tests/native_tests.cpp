// Exactness of the kernel and of the codec against plain integer arithmetic.
#include <cstdio>
#include <random>

#include "codec.h"
#include "kernel.h"

using namespace espalier;

namespace {

int failures = 0;

void check(bool ok, const char* what) {
  if (!ok) {
    std::printf("FAILED: %s\n", what);
    ++failures;
  }
}

template <typename E, typename F>
bool throws(F f) {
  try {
    f();
  } catch (const E&) {
    return true;
  }
  return false;
}

std::vector<u64> primes(std::size_t degree, std::vector<int> bits) {
  std::vector<u64> out;
  for (const auto& m : seal::CoeffModulus::Create(degree, bits)) {
    out.push_back(m.value());
  }
  return out;
}

void kernel(std::size_t degree, std::vector<int> bits, int t_bits, std::size_t rows, std::size_t columns,
            std::size_t width, std::size_t reply_limbs, int x_max, i64 r_max, bool extreme, u64 tolerance) {
  std::mt19937_64 random(rows * 31 + columns);
  auto context = std::make_shared<Context>(degree, primes(degree, bits),
                                           seal::PlainModulus::Batching(degree, t_bits).value());
  SecretKey key(context);
  auto pk_bytes = write_seeded(*context, encrypt(key, {}));
  Ciphertext pk = read_seeded(context, pk_bytes.data(), pk_bytes.size());
  auto tiles = std::make_shared<Tiles>(context, rows, columns, width);
  std::vector<i64> r(rows), expected(columns, 0);
  for (auto& v : r) {
    v = extreme ? r_max : static_cast<i64>(random() % (2 * r_max + 1)) - r_max;
  }
  std::vector<std::size_t> index;
  std::vector<std::shared_ptr<Ciphertext>> ciphertexts;
  Accumulator* accumulator = nullptr;
  std::vector<std::shared_ptr<Ciphertext>> all;
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    std::size_t count = tiles->rows_in(b), from = b * tiles->rows_per_block();
    std::vector<std::int32_t> x(count * columns);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        int v = extreme ? x_max : static_cast<int>(random() % (2 * x_max + 1)) - x_max;
        x[i * columns + j] = v;
        expected[j] += v * r[from + i];
      }
    }
    tiles->put(b, x.data(), count);
    auto bytes = write_seeded(*context, encrypt(key, residual_polynomial(*context, r.data() + from, count, width)));
    all.push_back(std::make_shared<Ciphertext>(read_seeded(context, bytes.data(), bytes.size())));
  }
  Accumulator sum(tiles);
  accumulator = &sum;
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    index.push_back(b);
    ciphertexts.push_back(all[b]);
    if (index.size() == 16 || b + 1 == tiles->blocks()) {
      accumulator->add(index, ciphertexts);
      index.clear();
      ciphertexts.clear();
    }
  }
  check(throws<BadArgument>([&] { accumulator->add({0}, {all[0]}); }), "a block is added once");
  Reply reply = accumulator->finish(pk, fresh_seed(), reply_limbs);
  check(throws<BadArgument>([&] { accumulator->finish(pk, fresh_seed(), reply_limbs); }), "finish once");
  auto opened = open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, reply_limbs);
  const u64 t = context->plain();
  u64 worst = 0;
  for (std::size_t j = 0; j < columns; ++j) {
    u64 got = (opened[j] + reply.shares[j]) % t;
    u64 want = expected[j] < 0 ? t - static_cast<u64>(-expected[j]) : static_cast<u64>(expected[j]);
    u64 off = got > want ? got - want : want - got;
    worst = std::max(worst, std::min(off, t - off));
  }
  std::printf("N %zu limbs %zu->%zu t %d bits, %zu x %zu, c %zu%s: largest error %llu\n", degree,
              context->limbs(), reply_limbs, t_bits, rows, columns, width, extreme ? " extreme" : "",
              static_cast<unsigned long long>(worst));
  check(worst <= tolerance, "kernel result");
  reply.bytes.push_back(0);
  check(throws<BadInput>([&] {
          open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, reply_limbs);
        }),
        "a longer reply is refused");
}

void hostile() {
  auto context = std::make_shared<Context>(4096, primes(4096, {36, 36}),
                                           seal::PlainModulus::Batching(4096, 34).value());
  SecretKey key(context);
  auto bytes = write_seeded(*context, encrypt(key, {}));
  for (std::size_t cut : {std::size_t{0}, std::size_t{10}, bytes.size() - 1}) {
    check(throws<BadInput>([&] { read_seeded(context, bytes.data(), cut); }), "truncated ciphertext");
  }
  auto large = bytes;
  std::fill(large.begin() + kSeedBytes, large.begin() + kSeedBytes + 9, 0xff);
  check(throws<BadInput>([&] { read_seeded(context, large.data(), large.size()); }), "residue >= q");
  check(throws<BadArgument>([&] { Context(4096, primes(4096, {50, 50}), 1ull << 60); }), "t too large");
  check(throws<BadArgument>([&] { Context(4096, {1ull << 59, 7}, 65537); }), "not primes");
  check(throws<BadArgument>([&] { Context(4096, primes(8192, {60, 60}), 65537); }), "below 128 bits");
  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 3); }), "width 3");
  Tiles zero(context, 100, 3, 2);
  std::vector<std::int32_t> x(300, 0);
  zero.put(0, x.data(), 100);
  check(throws<BadArgument>([&] { zero.put(0, x.data(), 100); }), "a block is stored once");
}

}  // namespace

int main() {
  for (std::size_t width : {1u, 2u, 8u, 64u}) {
    kernel(4096, {36, 36}, 34, 5000, 7, width, 2, 1000, 500, false, 0);
  }
  kernel(4096, {47, 47}, 38, 5000, 5, 1, 1, 4000, 1000, false, 1);
  kernel(8192, {60, 60}, 50, 20000, 9, 2, 2, 1 << 20, 1 << 14, false, 0);
  kernel(8192, {60, 60}, 50, 20000, 3, 1, 1, 1 << 20, 1 << 10, false, 1);
  kernel(8192, {60, 60}, 58, 8192, 2, 1, 2, 1 << 28, 1 << 15, true, 0);
  hostile();
  std::printf(failures == 0 ? "all native tests passed\n" : "%d native tests failed\n", failures);
  return failures == 0 ? 0 : 1;
}
