// Exactness of the kernel against plain integer arithmetic and against SEAL's own evaluator, the
// codec's borders, and refusals.
#include <algorithm>

#include "seal/util/ntt.h"
#include "slots.h"
#include "support.h"

using namespace espalier;
using namespace espalier::test;

namespace {

constexpr u64 kExpansionDigest = 0x0d8f2d304fc59fc9;


void kernel(std::size_t degree, const std::vector<int>& bits, int t_bits, std::size_t rows, std::size_t columns,
            std::size_t width, std::size_t reply_limbs, int x_max, i64 r_max, bool extreme, u64 tolerance,
            std::size_t kept = std::numeric_limits<std::size_t>::max()) {
  std::mt19937_64 random(rows * 31 + columns);
  auto context = make_context(degree, bits, t_bits);
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  auto tiles = std::make_shared<Tiles>(context, rows, columns, width, std::abs(static_cast<i64>(x_max)), kept);
  std::vector<i64> r(rows), expected(columns, 0);
  for (auto& v : r) {
    v = extreme ? r_max : static_cast<i64>(random() % static_cast<u64>(2 * r_max + 1)) - r_max;
  }
  std::vector<std::shared_ptr<Ciphertext>> all;
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    std::size_t count = tiles->rows_in(b), from = b * tiles->rows_per_block();
    std::vector<std::int32_t> x(count * columns);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const int v = extreme ? x_max : static_cast<int>(random() % static_cast<u64>(2 * x_max + 1)) - x_max;
        x[i * columns + j] = v;
        expected[j] += static_cast<i64>(v) * r[from + i];
      }
    }
    check(throws<BadArgument>([&] { Accumulator sum(tiles); }), "a store with blocks missing is refused");
    tiles->put(b, x.data(), count);
    all.push_back(received(context, wire(key, residual_polynomial(*context, r.data() + from, count, width))));
  }
  for (Path path : paths()) {
    Accumulator sum(tiles, path);
    for (std::size_t b = 0; b < tiles->blocks(); b += 16) {
      std::vector<std::size_t> index;
      std::vector<std::shared_ptr<Ciphertext>> ciphertexts;
      for (std::size_t k = b; k < std::min(b + 16, tiles->blocks()); ++k) {
        index.push_back(k);
        ciphertexts.push_back(all[k]);
      }
      sum.add(index, ciphertexts);
    }
    check(throws<BadArgument>([&] { sum.add({0}, {all[0]}); }), "a block is added once");
    Reply reply = sum.finish(*pk, fresh_seed(), reply_limbs);
    check(throws<BadArgument>([&] { sum.finish(*pk, fresh_seed(), reply_limbs); }), "finish once");
    check(reply.bytes.size() == reply_size(*context, columns, width, reply_limbs), "reply size");
    auto opened = open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, reply_limbs);
    const u64 t = context->plain();
    u64 worst = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      u64 got = (opened[j] + reply.shares[j]) % t;
      u64 want = expected[j] < 0 ? t - static_cast<u64>(-expected[j]) : static_cast<u64>(expected[j]);
      u64 off = got > want ? got - want : want - got;
      worst = std::max(worst, std::min(off, t - off));
    }
    std::printf("N %zu limbs %zu->%zu of %d bits, t %d bits, %zu x %zu, c %zu%s, %s: largest error %llu\n", degree,
                context->limbs(), reply_limbs, bits[0], t_bits, rows, columns, width, extreme ? " extreme" : "",
                name_of(ProductSums(context->modulus(0), path).path()).c_str(), static_cast<unsigned long long>(worst));
    check(worst <= tolerance, "kernel result");
    reply.bytes.push_back(0);
    check(throws<BadInput>(
              [&] { open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, reply_limbs); }),
          "a longer reply is refused");
  }
}

// SEAL's view of our ring: its data modulus is ours, its special prime an extra one.
seal::SEALContext seal_view(const Context& ours, u64 special) {
  seal::EncryptionParameters p(seal::scheme_type::bfv);
  std::vector<seal::Modulus> all;
  for (std::size_t l = 0; l < ours.limbs(); ++l) {
    all.push_back(ours.modulus(l));
  }
  all.emplace_back(special);
  p.set_poly_modulus_degree(ours.degree());
  p.set_coeff_modulus(all);
  p.set_plain_modulus(ours.plain());
  return seal::SEALContext(p, true, seal::sec_level_type::tc128);
}

// The same with our secret.
class Oracle {
 public:
  Oracle(const SecretKey& key, u64 special)
      : ours_(*key.context), context_(seal_view(ours_, special)) {
    const std::size_t n = ours_.degree(), limbs = ours_.limbs();
    std::vector<u64> ternary(key.s.begin(), key.s.begin() + static_cast<std::ptrdiff_t>(n));
    ours_.inverse_ntt_limb(ternary.data(), 0);
    secret_.data().resize((limbs + 1) * n);
    const auto& tables = *context_.key_context_data();
    for (std::size_t l = 0; l <= limbs; ++l) {
      const u64 q = tables.parms().coeff_modulus()[l].value();
      u64* out = secret_.data().data() + l * n;
      for (std::size_t i = 0; i < n; ++i) {
        check(ternary[i] < 2 || ternary[i] == ours_.prime(0) - 1, "the secret is ternary");
        out[i] = ternary[i] < 2 ? ternary[i] : q - 1;
      }
      seal::util::ntt_negacyclic_harvey(seal::util::CoeffIter(out), tables.small_ntt_tables()[l]);
    }
    secret_.parms_id() = context_.key_parms_id();
  }

  seal::Ciphertext ciphertext(const Ciphertext& c) const {
    seal::Ciphertext out(context_, context_.first_parms_id());
    out.resize(2);
    std::copy(c.c0.begin(), c.c0.end(), out.data(0));
    std::copy(c.c1.begin(), c.c1.end(), out.data(1));
    out.is_ntt_form() = true;
    return out;
  }
  std::vector<u64> decrypt(seal::Ciphertext c) const {
    seal::Evaluator(context_).transform_from_ntt_inplace(c);
    seal::Plaintext plain;
    seal::Decryptor decryptor(context_, secret_);
    check(decryptor.invariant_noise_budget(c) > 0, "SEAL finds noise budget left");
    decryptor.decrypt(c, plain);
    std::vector<u64> out(ours_.degree(), 0);
    std::copy(plain.data(), plain.data() + plain.coeff_count(), out.begin());
    return out;
  }
  const seal::SEALContext& context() const { return context_; }
  const seal::SecretKey& secret() const { return secret_; }

 private:
  const Context& ours_;
  seal::SEALContext context_;
  seal::SecretKey secret_;
};

// Fresh ciphertexts, keys, the kernel and the opening of a reply against SEAL's Decryptor, Encryptor
// and Evaluator, all N coefficients bit by bit.
void against_seal(int bits) {
  const std::size_t degree = 8192;
  auto all = primes(degree, {bits, bits, bits});
  const u64 t = seal::PlainModulus::Batching(degree, bits - 10).value();
  auto context = std::make_shared<const Context>(degree, std::vector<u64>{all[0], all[1]}, t);
  SecretKey key(context);
  Oracle oracle(key, all[2]);
  seal::Evaluator evaluator(oracle.context());
  std::mt19937_64 random(11);

  SecretVector message(degree);
  for (auto& v : message) {
    v = random() % t;
  }
  message[0] = 0;
  message[1] = t - 1;
  message[2] = t / 2;
  message[3] = t / 2 + 1;
  auto fresh = received(context, wire(key, message));
  check(oracle.decrypt(oracle.ciphertext(*fresh)) == std::vector<u64>(message.begin(), message.end()),
        "SEAL decrypts our encryption");
  auto pk = received(context, wire(key, {}));
  check(oracle.decrypt(oracle.ciphertext(*pk)) == std::vector<u64>(degree, 0), "a public key encrypts zero");
  Ciphertext rerandomised = *fresh;
  add_zero_encryption(*pk, every(degree), rerandomised.c0.data(), rerandomised.c1.data());
  context->ntt(rerandomised.c0.data());
  context->ntt(rerandomised.c1.data());
  check(rerandomised.c1 != fresh->c1, "a zero encryption changes c1");
  check(oracle.decrypt(oracle.ciphertext(rerandomised)) == std::vector<u64>(message.begin(), message.end()),
        "a zero encryption leaves the plaintext");

  for (std::size_t width : {std::size_t{1}, std::size_t{4}}) {
    const std::size_t columns = 3, per_block = degree / width, rows = 2 * per_block + 77;
    auto tiles = std::make_shared<Tiles>(context, rows, columns, width, 2048, width == 1 ? 0 : 1);
    std::vector<std::shared_ptr<Ciphertext>> blocks;
    std::vector<std::vector<std::int32_t>> matrices;
    for (std::size_t b = 0; b < tiles->blocks(); ++b) {
      std::vector<std::int32_t> x(tiles->rows_in(b) * columns);
      for (auto& v : x) {
        v = static_cast<std::int32_t>(random() % 4097) - 2048;
      }
      std::vector<i64> r(tiles->rows_in(b));
      for (auto& v : r) {
        v = static_cast<i64>(random() % 33) - 16;
      }
      tiles->put(b, x.data(), tiles->rows_in(b));
      matrices.push_back(x);
      blocks.push_back(received(context, wire(key, residual_polynomial(*context, r.data(), r.size(), width))));
    }
    std::vector<u64> expected;
    for (std::size_t g = 0; g < tiles->groups(); ++g) {
      seal::Ciphertext total;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        // T(x) as SEAL is told it: residues modulo t.
        seal::Plaintext tile(degree);
        for (std::size_t i = 0; i < tiles->rows_in(b); ++i) {
          for (std::size_t j = 0; j < std::min(width, columns - g * width); ++j) {
            const i64 v = matrices[b][i * columns + g * width + j];
            tile[i * width + (width - 1 - j)] = static_cast<u64>(v < 0 ? v + static_cast<i64>(t) : v);
          }
        }
        evaluator.transform_to_ntt_inplace(tile, oracle.context().first_parms_id());
        check(tiles->tile(b, g) == SecretVector(tile.data(), tile.data() + context->size()),
              "our tile is SEAL's transformed plaintext, bit by bit");
        seal::Ciphertext product = oracle.ciphertext(*blocks[b]);
        evaluator.multiply_plain_inplace(product, tile);
        if (b == 0) {
          total = product;
        } else {
          evaluator.add_inplace(total, product);
        }
      }
      const std::vector<u64> coefficients = oracle.decrypt(total);
      for (std::size_t j = g * width; j < std::min(columns, (g + 1) * width); ++j) {
        expected.push_back(coefficients[degree - 1 - (j - g * width)]);
      }
    }
    for (Path path : paths()) {
      Accumulator sum(tiles, path);
      for (std::size_t b = blocks.size(); b-- > 0;) {  // one by one, in any order
        sum.add({b}, {blocks[b]});
      }
      Reply reply = sum.finish(*pk, fresh_seed(), 2);
      auto opened = open_reply(key, reply.bytes.data(), reply.bytes.size(), columns, width, 2);
      for (std::size_t j = 0; j < columns; ++j) {
        check((opened[j] + reply.shares[j]) % t == expected[j], "the kernel agrees with SEAL's evaluator: " + name_of(path));
      }
    }
  }
}

// Every path of the sums of products against SEAL's evaluator, bit by bit: multiply_plain and add of values in
// transformed order, for the largest and the smallest primes of each path, up to 16 blocks, and the values that
// come closest to an overflow.
void sums_against_seal(std::size_t degree, const std::vector<int>& bits) {
  constexpr std::size_t run = ProductSums::kRun, groups = 3;
  auto context = make_context(degree, bits, 20);
  const auto& c = *context;
  const seal::SEALContext theirs = seal_view(c, primes(degree, {58})[0]);
  seal::Evaluator evaluator(theirs);
  const auto id = theirs.first_parms_id();
  std::mt19937_64 random(17);
  enum Kind { kZero, kLargest, kOnes, kEither, kRandom };
  auto values = [&](Kind kind) {
    std::vector<u64> out(c.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const u64 q = c.prime(i / degree), any = random();
      out[i] = kind == kZero   ? 0
               : kind == kOnes ? (q >> 30 << 30) - 1  // both halves as large as can be
               : kind == kLargest || (kind == kEither && (any & 1) != 0) ? q - 1
                                                                         : any % q;
    }
    return out;
  };
  struct Case {
    Kind x, operand, before;
    std::size_t blocks;
  };
  for (const Case& k : {Case{kZero, kZero, kZero, 1}, Case{kLargest, kLargest, kLargest, 16}, Case{kOnes, kOnes, kLargest, 16},
                        Case{kOnes, kLargest, kRandom, 16}, Case{kZero, kLargest, kLargest, 16},
                        Case{kLargest, kZero, kRandom, 5}, Case{kEither, kEither, kEither, 13},
                        Case{kRandom, kLargest, kRandom, 16}, Case{kRandom, kRandom, kRandom, 1}, Case{kRandom, kRandom, kRandom, 16}}) {
    std::vector<seal::Ciphertext> operands;
    std::vector<std::vector<u64>> tiles;  // block after block, in each group after group
    seal::Ciphertext before(theirs, id);
    auto fill = [&](seal::Ciphertext& to, Kind kind) {
      to.resize(theirs, id, 2);
      const auto first = values(kind), second = values(kind);
      std::copy(first.begin(), first.end(), to.data(0));
      std::copy(second.begin(), second.end(), to.data(1));
      to.is_ntt_form() = true;
    };
    fill(before, k.before);
    for (std::size_t b = 0; b < k.blocks; ++b) {
      fill(operands.emplace_back(), k.operand);
      for (std::size_t g = 0; g < groups; ++g) {
        tiles.push_back(values(k.x));
      }
    }
    std::vector<seal::Ciphertext> expected(groups, before);
    if (k.x != kZero && k.operand != kZero) {  // SEAL refuses intermediate results that are zero
      for (std::size_t g = 0; g < groups; ++g) {
        std::vector<seal::Ciphertext> products = operands;
        for (std::size_t b = 0; b < k.blocks; ++b) {
          seal::Plaintext tile(c.size());
          std::copy(tiles[b * groups + g].begin(), tiles[b * groups + g].end(), tile.data());
          tile.parms_id() = id;
          evaluator.multiply_plain_inplace(products[b], tile);
        }
        evaluator.add_many(products, expected[g]);
        evaluator.add_inplace(expected[g], before);
      }
    }
    for (Path path : paths()) {
      std::vector<u64> out0, out1;
      for (std::size_t g = 0; g < groups; ++g) {
        out0.insert(out0.end(), before.data(0), before.data(0) + c.size());
        out1.insert(out1.end(), before.data(1), before.data(1) + c.size());
      }
      for (std::size_t from = 0; from < c.size(); from += run) {
        const ProductSums sums(c.modulus(from / degree), path);
        check(sums.path() == path || (path == Path::kIfma && c.bits(from / degree) > 50), "the path asked for");
        std::vector<const u64*> x(k.blocks), a, b;
        for (std::size_t block = 0; block < k.blocks; ++block) {
          a.push_back(operands[block].data(0) + from);
          b.push_back(operands[block].data(1) + from);
        }
        // A tile's groups as the kernel has them: the same distance from each to the next.
        std::vector<std::vector<u64>> gathered(k.blocks);
        for (std::size_t block = 0; block < k.blocks; ++block) {
          for (std::size_t g = 0; g < groups; ++g) {
            const auto at = tiles[block * groups + g].begin() + static_cast<std::ptrdiff_t>(from);
            gathered[block].insert(gathered[block].end(), at, at + run);
          }
          x[block] = gathered[block].data();
        }
        const std::vector<std::size_t> step(k.blocks, run);
        sums.add({x.data(), step.data(), a.data(), b.data(), k.blocks, groups, out0.data() + from, out1.data() + from, c.size()});
      }
      for (std::size_t g = 0; g < groups; ++g) {
        check(std::equal(expected[g].data(0), expected[g].data(0) + c.size(), out0.data() + g * c.size()) &&
                  std::equal(expected[g].data(1), expected[g].data(1) + c.size(), out1.data() + g * c.size()),
              "sums are SEAL's, bit by bit: " + name_of(path) + ", " + std::to_string(bits[0]) + " bits");
      }
    }
  }
}

// round_to_plain and add_scaled undo each other, and round at one half, to 2^-50.
void rounding() {
  std::mt19937_64 random(12);
  for (int t_bits : {20, 37, 50, 58}) {
    auto context = make_context(8192, {60, 60}, t_bits);
    const u64 t = context->plain(), q1 = context->prime(0), q2 = context->prime(1);
    std::vector<u64> values(8192);
    for (auto& v : values) {
      v = random() % t;
    }
    values[0] = 0;
    values[1] = 1;
    values[2] = t - 1;
    values[3] = t / 2;
    values[4] = t / 2 + 1;
    std::vector<u64> scaled(context->size(), 0);
    context->add_scaled(values.data(), scaled.data());
    const u128 q = static_cast<u128>(q1) * q2;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const u64 residues[2] = {scaled[i], scaled[8192 + i]};
      check(context->round_to_plain(residues, 2) == values[i], "rounding undoes scaling");
      // round(q·m/t) = ⌊q/t⌋·m + round((q mod t)·m/t), here modulo q₁.
      const u128 whole = (q / t) % q1 * values[i] % q1;
      const u128 rest = (static_cast<u128>(static_cast<u64>(q % t)) * values[i] + (t + 1) / 2) / t;
      check(scaled[i] == static_cast<u64>((whole + rest) % q1), "scaling is SEAL's rounding");
    }
    // The largest x that still rounds to m, and its successor.
    for (int k = 0; k < 200; ++k) {
      const u64 m = random() % (t - 1);
      // x rounds to m while 2tx < (2m+1)q; find the border by bisection with 128-bit safe steps.
      u128 low = q / t * m, high = low + q / t + t;
      auto value = [&](u128 x) {
        const u64 residues[2] = {static_cast<u64>(x % q1), static_cast<u64>(x % q2)};
        return context->round_to_plain(residues, 2);
      };
      while (high - low > 1) {
        const u128 middle = low + (high - low) / 2;
        (value(middle) <= m ? low : high) = middle;
      }
      const u128 distance = low - q / t * m, half = q / t / 2;
      check(value(low) == m && value(high) == m + 1, "one border between two plaintexts");
      check((distance > half ? distance - half : half - distance) <= t + (q / t >> 50), "the border is half of q/t away");
    }
  }
}

// Errors are centred binomial, ternary coins even, each the same value in every limb.
void samplers() {
  auto context = make_context(8192, {60, 60}, 50);
  const std::size_t n = 8192;
  std::vector<std::size_t> errors(43), coins(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<u64> e(2 * n), u(2 * n);
    context->sample_error(*secret_generator(), e.data(), n);
    context->sample_ternary(*secret_generator(), u.data());
    for (std::size_t i = 0; i < n; ++i) {
      i64 value[2];
      for (std::size_t l = 0; l < 2; ++l) {
        const i64 q = static_cast<i64>(context->prime(l)), v = static_cast<i64>(e[l * n + i]);
        check(v >= 0 && v < q, "an error is a residue");
        value[l] = v > q / 2 ? v - q : v;
      }
      check(value[0] == value[1] && std::abs(value[0]) <= 21, "an error is small and the same in both limbs");
      ++errors[static_cast<std::size_t>(value[0] + 21)];
      for (std::size_t l = 0; l < 2; ++l) {
        check(u[l * n + i] < 2 || u[l * n + i] == context->prime(l) - 1, "a coin is ternary");
      }
      check((u[i] < 2) == (u[n + i] < 2) && (u[i] > 1 || u[i] == u[n + i]), "a coin is the same in both limbs");
      ++coins[u[i] < 2 ? u[i] : 2];
    }
  }
  check(std::abs(chi_square(coins)) < 20, "coins are even: " + std::to_string(chi_square(coins)));
  // P(e) = C(42, 21 + e)/2^42; classes expected fewer than ten times are left out.
  const double total = 50.0 * static_cast<double>(n);
  double statistic = 0, p = std::ldexp(1.0, -42);
  int classes = 0;
  for (int k = 0; k <= 42; ++k) {
    const double expected = total * p;
    if (expected >= 10) {
      statistic += std::pow(static_cast<double>(errors[static_cast<std::size_t>(k)]) - expected, 2) / expected;
      ++classes;
    }
    p = p * (42 - k) / (k + 1);
  }
  const double z = (statistic - (classes - 1)) / std::sqrt(2.0 * (classes - 1));
  std::printf("errors: chi-square of %d classes at %.2f deviations, coins at %.2f\n", classes, z, chi_square(coins));
  check(std::abs(z) < 8, "errors are centred binomial");
  std::vector<u64> first(2 * n, 7);
  context->sample_error(*secret_generator(), first.data(), 3);
  check(first[3] == 7 && first[n + 3] == 7 && first[n - 1] == 7, "no more errors than asked for");
}

// A seed expands to the same polynomial in every build: two parties may have different versions of SEAL.
void expansion_is_fixed() {
  auto context = make_context(4096, {54, 54}, 38);
  Seed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) {
    seed[i] = static_cast<std::uint8_t>(i);
  }
  const Ciphertext a = expand(context, seed, std::vector<u64>(context->size()));
  const Ciphertext b = expand(context, seed, std::vector<u64>(context->size()));
  check(a.c1 == b.c1, "expansion is a function of the seed");
  u64 digest = 0xcbf29ce484222325;  // FNV-1a over the residues
  for (u64 v : a.c1) {
    digest = (digest ^ v) * 0x100000001b3;
  }
  std::printf("expansion: %016llx, first residue %llu\n", static_cast<unsigned long long>(digest),
              static_cast<unsigned long long>(a.c1[0]));
  check(digest == kExpansionDigest, "known answer of the expansion");
}

void codec() {
  std::mt19937_64 random(13);
  for (int bits : {33, 36, 48, 54, 59, 60}) {
    const seal::Modulus q = seal::CoeffModulus::Create(1024, {bits})[0];
    for (std::size_t count : {1, 2, 3, 7, 8, 9, 1024}) {
      std::vector<u64> values(count), back(count);
      for (auto& v : values) {
        v = random() % q.value();
      }
      values.front() = q.value() - 1;
      values.back() = count > 1 ? 0 : values.back();
      std::vector<std::uint8_t> bytes{0xaa};
      pack(values.data(), count, bits, bytes);
      check(bytes.size() == 1 + packed_size(count, bits) && packed_size(count, bits) == (count * static_cast<std::size_t>(bits) + 7) / 8,
            "packed size");
      std::size_t at = 1;
      unpack(bytes.data(), bytes.size(), at, q, count, back.data());
      check(back == values && at == bytes.size() && bytes[0] == 0xaa, "unpack undoes pack");
      at = 1;
      check(throws<BadInput>([&] { unpack(bytes.data(), bytes.size() - 1, at, q, count, back.data()); }), "short");
      at = bytes.size() + 1;
      check(throws<BadInput>([&] { unpack(bytes.data(), bytes.size(), at, q, count, back.data()); }), "past the end");
      // The modulus itself is the smallest refused residue.
      values.back() = q.value();
      std::vector<std::uint8_t> large;
      pack(values.data(), count, bits, large);
      at = 0;
      check(throws<BadInput>([&] { unpack(large.data(), large.size(), at, q, count, back.data()); }), "residue = q");
      const int padding = static_cast<int>(packed_size(count, bits) * 8 - count * static_cast<std::size_t>(bits));
      for (int bit = 0; bit < padding; ++bit) {
        auto padded = bytes;
        padded.back() = static_cast<std::uint8_t>(padded.back() | (0x80 >> bit));
        at = 1;
        check(throws<BadInput>([&] { unpack(padded.data(), padded.size(), at, q, count, back.data()); }), "padding bit");
      }
    }
  }
}

void hostile() {
  auto context = make_context(4096, {36, 36}, 34);
  const Context& c = *context;
  SecretKey key(context);
  auto bytes = wire(key, {});
  check(bytes.size() == seeded_size(c), "seeded size");
  for (std::size_t cut : {std::size_t{0}, std::size_t{10}, bytes.size() - 1}) {
    check(throws<BadInput>([&] { read_seeded(context, bytes.data(), cut); }), "truncated ciphertext");
  }
  auto longer = bytes;
  longer.push_back(0);
  check(throws<BadInput>([&] { read_seeded(context, longer.data(), longer.size()); }), "longer ciphertext");
  auto large = bytes;
  std::fill(large.begin() + kSeedBytes, large.begin() + kSeedBytes + 9, static_cast<std::uint8_t>(0xff));
  check(throws<BadInput>([&] { read_seeded(context, large.data(), large.size()); }), "residue >= q");

  check(throws<BadArgument>([&] { Context(4096, primes(4096, {50, 50}), 1ull << 60); }), "t too large");
  check(throws<BadArgument>([&] { Context(4096, primes(4096, {36, 36}), (1ull << 40) - 87); }), "t above the primes");
  check(throws<BadArgument>([&] { Context(4096, {(1ull << 59) + 1, (1ull << 58) + 3}, 65537); }), "not primes");
  check(throws<BadArgument>([&] { Context(4096, {primes(4096, {50})[0], primes(4096, {50})[0]}, 65537); }), "equal primes");
  check(throws<BadArgument>([&] { Context(4096, primes(8192, {60, 60}), 65537); }), "120 bits at N = 4096");
  check(throws<BadArgument>([&] { Context(4096, primes(8192, {55, 55}), 65537); }), "110 bits at N = 4096");
  check(!throws<BadArgument>([&] { Context(4096, primes(8192, {55, 54}), 65537); }), "109 bits at N = 4096");
  check(throws<BadArgument>([&] { Context(4096, {}, 65537); }), "no primes");
  check(throws<BadArgument>([&] { Context(8192, primes(8192, {36, 36, 36, 36}), 65537); }), "four primes");
  check(throws<BadArgument>([&] { Context(5000, primes(4096, {36, 36}), 65537); }), "degree not a power of two");

  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 3, 100); }), "width 3");
  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 0, 100); }), "width 0");
  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 8192, 100); }), "width above N");
  check(throws<BadArgument>([&] { Tiles(context, 0, 10, 1, 100); }), "no rows");
  check(throws<BadArgument>([&] { Tiles(context, 10, (1u << 20) + 1, 1, 100); }), "too many columns");
  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 1, -1); }), "a negative bound of the entries");
  check(throws<BadArgument>([&] { Tiles(context, 10, 10, 1, (1ll << 31) + 1); }), "a bound above 2^31");
  for (const i64 largest : {100, 32767, 32768, std::numeric_limits<std::int32_t>::max()}) {
    for (const i64 sign : {-1, 1}) {
      Tiles one(context, 1, 1, 1, largest);
      const auto fits = static_cast<std::int32_t>(sign * largest);
      const auto beyond = static_cast<std::int32_t>(sign * (largest + 1));
      if (beyond != sign * std::numeric_limits<std::int32_t>::min() && (sign < 0) == (beyond < 0)) {
        check(throws<BadArgument>([&] { Tiles(context, 1, 1, 1, largest).put(0, &beyond, 1); }), "an entry beyond the bound");
      }
      one.put(0, &fits, 1);
      SecretVector expected(context->size(), 0);
      for (std::size_t l = 0; l < c.limbs(); ++l) {
        std::fill_n(expected.data() + l * c.degree(), c.degree(), sign > 0 ? static_cast<u64>(largest) : c.prime(l) - static_cast<u64>(largest));
      }
      check(one.tile(0, 0) == expected, "the bound itself is kept");
    }
  }
  check(throws<BadArgument>([&] { reply_size(c, 0, 1, 1); }), "reply without columns");
  check(throws<BadArgument>([&] { reply_size(c, 1, 1, 3); }), "reply of three limbs");
  check(throws<BadArgument>([&] { reply_size(c, 1, 5, 1); }), "reply of width 5");

  auto two = std::make_shared<Tiles>(context, 5000, 3, 2, 1ll << 31);
  std::vector<std::int32_t> x(2048 * 3, std::numeric_limits<std::int32_t>::min());
  two->put(0, x.data(), 2048);
  check(throws<BadArgument>([&] { two->put(0, x.data(), 2048); }), "a block is stored once");
  check(throws<BadArgument>([&] { two->put(1, x.data(), 2047); }), "a block has all its rows");
  check(throws<BadArgument>([&] { two->put(3, x.data(), 2048); }), "a block past the end");
  two->put(1, x.data(), 2048);
  two->put(2, x.data(), 904);
  Accumulator sum(two);
  auto block = received(context, wire(key, {}));
  auto pk = received(context, wire(key, {}));
  check(throws<BadArgument>([&] { sum.add({0, 0}, {block, block}); }), "one block twice in a batch");
  check(throws<BadArgument>([&] { sum.add({0, 9}, {block, block}); }), "a batch with a block past the end");
  check(throws<BadArgument>([&] { sum.add({0}, {block, block}); }), "more ciphertexts than blocks");
  check(throws<BadArgument>([&] { sum.add({}, {}); }), "an empty batch");
  check(throws<BadArgument>([&] { sum.add(std::vector<std::size_t>(17, 0), std::vector<std::shared_ptr<Ciphertext>>(17, block)); }),
        "a batch of 17");
  auto elsewhere = make_context(4096, {36, 36}, 34);
  check(throws<BadArgument>([&] { sum.add({0}, {received(elsewhere, wire(key, {}))}); }), "a ciphertext of another context");
  // Refusals left nothing half done: all three blocks are still to come.
  check(throws<BadArgument>([&] { sum.finish(*pk, fresh_seed(), 1); }), "blocks missing");
  sum.add({0, 2}, {block, block});
  check(throws<BadArgument>([&] { sum.finish(*pk, fresh_seed(), 1); }), "block 1 missing");
  sum.add({1}, {block});
  check(throws<BadArgument>([&] { sum.finish(*pk, fresh_seed(), 0); }), "no limbs");
  check(throws<BadArgument>([&] { sum.finish(*pk, fresh_seed(), 3); }), "three limbs");
  check(throws<BadArgument>([&] { sum.finish(*received(elsewhere, wire(key, {})), fresh_seed(), 1); }), "a key of another context");
  Reply reply = sum.finish(*pk, fresh_seed(), 2);
  for (std::size_t at = 0; at < reply.bytes.size(); at += 977) {
    auto broken = reply.bytes;
    std::fill(broken.begin() + static_cast<std::ptrdiff_t>(at),
              broken.begin() + static_cast<std::ptrdiff_t>(std::min(at + 10, broken.size())), static_cast<std::uint8_t>(0xff));
    check(throws<BadInput>([&] { open_reply(key, broken.data(), broken.size(), 3, 2, 2); }), "residue >= q in a reply");
  }

  const i64 t = static_cast<i64>(c.plain());
  for (i64 bad : {t, -t, std::numeric_limits<i64>::max(), std::numeric_limits<i64>::min()}) {
    check(throws<BadArgument>([&] { residual_polynomial(c, &bad, 1, 1); }), "residual outside the range");
  }
  for (i64 good : {t - 1, 1 - t, i64{0}}) {
    check(residual_polynomial(c, &good, 1, 1)[4095] == static_cast<u64>((good + t) % t), "residual at the range's end");
  }
  check(throws<BadArgument>([&] { encrypt(key, SecretVector(5)); }), "a short plaintext");
}

// Random bytes never get past the checks into anything but an ordinary ciphertext, or an exception.
void random_bytes() {
  auto context = make_context(4096, {36, 36}, 34);
  SecretKey key(context);
  const auto good = wire(key, {});
  std::mt19937_64 random(14);
  std::size_t refused = 0;
  for (int round = 0; round < 300; ++round) {
    auto bytes = good;
    switch (random() % 4) {
      case 0:
        bytes.resize(random() % (good.size() + 100));
        break;
      case 1:
        for (auto& b : bytes) {
          b = static_cast<std::uint8_t>(random());
        }
        break;
      default:
        for (std::size_t k = 0; k < 1 + random() % 20; ++k) {
          bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
        }
    }
    try {
      Ciphertext c = read_seeded(context, bytes.data(), bytes.size());
      for (std::size_t i = 0; i < c.c0.size(); ++i) {
        check(c.c0[i] < context->prime(i / 4096) && c.c1[i] < context->prime(i / 4096), "residues in range");
      }
    } catch (const BadInput&) {
      ++refused;
    }
  }
  check(refused > 40, "wrong lengths at least are refused");
}

}  // namespace

// Sums of products, slot by slot, at the largest parameters of level sealed.
void slots(std::size_t degree, const std::vector<int>& bits, int t_bits, std::size_t factors,
           std::size_t reply_limbs, bool exact) {
  std::mt19937_64 random(9);
  auto context = make_context(degree, bits, t_bits);
  const i64 t = static_cast<i64>(context->plain());
  SecretVector round_trip(degree);
  for (auto& v : round_trip) {
    v = random() % context->plain();
  }
  SecretVector there = round_trip;
  context->from_slots(there.data());
  context->to_slots(there.data());
  check(there == round_trip, "slots and coefficients are each other's inverse");
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  SlotSum sum(context);
  std::vector<i64> expected(degree, 0);
  std::vector<std::shared_ptr<Ciphertext>> encrypted;
  std::vector<std::int32_t> plain(factors * degree);
  for (std::size_t j = 0; j < factors; ++j) {
    std::vector<std::int32_t> a(degree);
    for (std::size_t i = 0; i < degree; ++i) {
      a[i] = static_cast<std::int32_t>(random() % 2001) - 1000;
      plain[j * degree + i] = static_cast<std::int32_t>(random() % 200001) - 100000;
      expected[i] += 2 * static_cast<i64>(a[i]) * plain[j * degree + i];
    }
    encrypted.push_back(received(context, wire(key, slot_polynomial(*context, a.data(), degree))));
  }
  sum.add(encrypted, plain.data());
  sum.add(encrypted, plain.data());
  const Reply reply = sum.finish(*pk, fresh_seed(), reply_limbs);
  const SecretVector opened = open_slots(key, reply.bytes.data(), reply.bytes.size(), reply_limbs);
  // A unit in one coefficient is an error in all slots: compare coefficients.
  SecretVector difference(degree);
  for (std::size_t i = 0; i < degree; ++i) {
    const i64 e = expected[i] % t;
    difference[i] = (opened[i] + reply.shares[i] + static_cast<u64>(t - (e < 0 ? e + t : e))) % context->plain();
  }
  context->from_slots(difference.data());
  std::size_t off = 0;
  for (u64 d : difference) {
    const u64 size = std::min(d, context->plain() - d);
    check(size <= (exact ? 0 : 1), "slot products are right");
    off += size != 0;
  }
  std::printf("slots %zu, t %d bits, %zu factors, %zu limbs: %.2f %% off by a unit\n", degree, t_bits, 2 * factors,
              reply_limbs, 100.0 * static_cast<double>(off) / static_cast<double>(degree));
}

int main() {
  slots(8192, {60, 60}, 40, 8, 2, true);
  slots(8192, {60, 60}, 51, 13, 2, false);
  slots(8192, {60, 60}, 51, 51, 1, false);
  slots(8192, {52, 52, 52}, 51, 51, 2, true);
  slots(16384, {52, 52, 52}, 51, 13, 3, true);
  for (std::size_t width : {1u, 2u, 8u, 64u}) {
    kernel(4096, {36, 36}, 34, 5000, 7, width, 2, 1000, 500, false, 0);
    kernel(4096, {36, 36}, 34, 5000, 7, width, 2, 1000, 500, false, 0, 0);
  }
  kernel(4096, {36, 36}, 34, 20000, 7, 2, 2, 1000, 500, false, 0, 2);  // some groups are kept
  kernel(8192, {60, 60}, 58, 8192, 2, 1, 2, 1 << 28, 1 << 15, true, 0, 0);
  kernel(8192, {50, 50}, 40, 150000, 3, 2, 1, 1 << 10, 1 << 8, false, 1, 0);
  kernel(4096, {54}, 30, 300, 3, 2, 1, 100, 100, false, 1);
  kernel(4096, {47, 47}, 38, 5000, 5, 1, 1, 4000, 1000, false, 1);
  kernel(8192, {60, 60}, 50, 20000, 9, 2, 2, 1 << 20, 1 << 14, false, 0);
  kernel(8192, {60, 60}, 50, 20000, 3, 1, 1, 1 << 20, 1 << 10, false, 1);
  kernel(8192, {60, 60}, 58, 8192, 2, 1, 2, 1 << 28, 1 << 15, true, 0);
  kernel(8192, {60, 60}, 40, 150000, 2, 1, 2, 1 << 10, 1 << 8, false, 0);
  kernel(8192, {60, 60}, 58, 300, 2, 2, 2, std::numeric_limits<std::int32_t>::min(), 1 << 14, true, 0);
  kernel(8192, {50, 50}, 40, 150000, 3, 2, 1, 1 << 10, 1 << 8, false, 1);
  kernel(4096, {50, 50}, 49, 100, 3, 2, 2, std::numeric_limits<std::int32_t>::min(), 1 << 9, true, 1);
  kernel(16384, {33, 50}, 30, 40000, 3, 1, 2, 100, 100, false, 0);
  for (const auto& bits : {std::vector<int>{60, 59}, {54, 51}, {50, 50}, {45, 40}, {33, 33}}) {
    sums_against_seal(8192, bits);
  }
  rounding();
  codec();
  samplers();
  expansion_is_fixed();
  against_seal(60);
  against_seal(50);
  hostile();
  random_bytes();
  return finished("native tests");
}
