// Products with a matrix in lanes and products in slots, against the plain computation, and what their
// replies refuse.
#include <algorithm>

#include "matrix.h"
#include "random.h"
#include "seal/util/numth.h"
#include "slots.h"
#include "support.h"

using namespace espalier;
using namespace espalier::test;

namespace {

u64 residue(u128 value, u64 t) { return static_cast<u64>(value % t); }

u64 lift(std::int32_t x, u64 t) { return x < 0 ? t - static_cast<u64>(-static_cast<i64>(x)) : static_cast<u64>(x); }

// Distance of two residues.
u64 distance(u64 a, u64 b, u64 t) {
  const u64 d = a < b ? b - a : a - b;
  return std::min(d, t - d);
}

struct Setting {
  std::size_t degree;
  std::vector<int> bits;
  int t_bits;
  std::size_t lanes, width, used, rows, columns, reply_limbs;
  bool forward, backward;
  std::size_t batch;  // blocks in one call
  u64 tolerance;
};

void products(const Setting& s, Path path) {
  std::mt19937_64 random(21);
  const auto context = make_context(s.degree, s.bits, s.t_bits);
  const Context& c = *context;
  const u64 t = c.plain();
  const SecretKey key(context);
  const auto pk = received(context, wire(key, {}));
  const Lanes lanes{s.lanes, s.width};
  const std::size_t per_block = lanes.rows_per_block(c), blocks = (s.rows + per_block - 1) / per_block;
  const std::string name = std::to_string(s.lanes) + " lanes of width " + std::to_string(s.width) + ", " +
                           std::to_string(s.rows) + " x " + std::to_string(s.columns) + ", " + name_of(path);

  std::vector<std::int32_t> x(s.rows * s.columns);
  for (auto& v : x) {
    v = static_cast<std::int32_t>(random() % 2001) - 1000;
  }
  // Uniform vectors: every sum wraps modulo t.
  SecretVector b(s.used * s.columns), r(s.used * s.rows);
  for (auto* vector : {&b, &r}) {
    for (auto& v : *vector) {
      v = random() % t;
    }
  }
  // Vectors `length` apart, `count` values each from `from`.
  auto cut = [&](const SecretVector& all, std::size_t length, std::size_t from, std::size_t count) {
    SecretVector out;
    for (std::size_t v = 0; v < s.used; ++v) {
      out.insert(out.end(), all.begin() + static_cast<std::ptrdiff_t>(v * length + from),
                 all.begin() + static_cast<std::ptrdiff_t>(v * length + from + count));
    }
    return out;
  };
  std::vector<std::shared_ptr<Ciphertext>> forward;
  for (std::size_t g = 0; s.forward && g < lanes.groups(s.columns); ++g) {
    const std::size_t count = std::min(s.width, s.columns - g * s.width);
    forward.push_back(received(
        context, wire(key, column_operand(c, lanes, cut(b, s.columns, g * s.width, count).data(), s.used, count))));
  }

  Matrix matrix(context, lanes, s.columns, s.used, forward, path);
  u64 worst = 0;
  for (std::size_t first = 0; first < blocks; first += s.batch) {
    const std::size_t count = std::min(s.batch, blocks - first);
    const std::size_t here = std::min(s.rows - first * per_block, count * per_block);
    std::vector<std::shared_ptr<Ciphertext>> operands;
    std::vector<Seed> seeds;
    for (std::size_t k = first; k < first + count; ++k) {
      const std::size_t rows = std::min(per_block, s.rows - k * per_block);
      if (s.backward) {
        operands.push_back(received(
            context, wire(key, row_operand(c, lanes, cut(r, s.rows, k * per_block, rows).data(), s.used, rows))));
      }
      if (s.forward) {
        seeds.push_back(fresh_seed());
      }
    }
    const auto replies =
        matrix.rows(x.data() + first * per_block * s.columns, here, operands, *pk, seeds, s.reply_limbs);
    check(replies.size() == (s.forward ? count : 0), name + ": one reply a block");
    for (std::size_t k = 0; k < replies.size(); ++k) {
      const std::size_t from = (first + k) * per_block, rows = std::min(per_block, s.rows - from);
      const Reply& reply = replies[k];
      check(reply.bytes.size() == row_reply_size(c, lanes, s.used, rows, s.reply_limbs), name + ": size of a reply");
      const auto opened =
          open_rows(key, lanes, reply.bytes.data(), reply.bytes.size(), s.used, rows, s.reply_limbs);
      for (std::size_t v = 0; v < s.used; ++v) {
        for (std::size_t i = 0; i < rows; ++i) {
          u128 expected = 0;
          for (std::size_t j = 0; j < s.columns; ++j) {
            expected += residue(static_cast<u128>(lift(x[(from + i) * s.columns + j], t)) * b[v * s.columns + j], t);
          }
          const u64 got = (opened[v * rows + i] + reply.shares[v * rows + i]) % t;
          worst = std::max(worst, distance(got, residue(expected, t), t));
        }
      }
    }
  }
  check(worst <= s.tolerance, name + ": X b");
  const u64 worst_forward = worst;
  worst = 0;
  if (s.backward) {
    const Reply reply = matrix.finish(*pk, fresh_seed(), s.reply_limbs);
    check(reply.bytes.size() == column_reply_size(c, lanes, s.used, s.columns, s.reply_limbs),
          name + ": size of the last reply");
    const auto opened =
        open_columns(key, lanes, reply.bytes.data(), reply.bytes.size(), s.used, s.columns, s.reply_limbs);
    for (std::size_t v = 0; v < s.used; ++v) {
      for (std::size_t j = 0; j < s.columns; ++j) {
        u128 expected = 0;
        for (std::size_t i = 0; i < s.rows; ++i) {
          expected += residue(static_cast<u128>(lift(x[i * s.columns + j], t)) * r[v * s.rows + i], t);
        }
        const std::size_t at = v * s.columns + j;
        worst = std::max(worst, distance((opened[at] + reply.shares[at]) % t, residue(expected, t), t));
      }
    }
    check(worst <= s.tolerance, name + ": X' r");
    check(throws<BadArgument>([&] { matrix.finish(*pk, fresh_seed(), s.reply_limbs); }), name + ": finished once");
  }
  std::printf("%s, %zu vectors: largest error %llu and %llu\n", name.c_str(), s.used,
              static_cast<unsigned long long>(worst_forward), static_cast<unsigned long long>(worst));
}

// Every product is (q − 1)², the largest there is, over more groups than are summed at a time: the sums are
// the polynomials 400 and 16, far below half of q/t, so that whatever is not zero was reduced wrongly.
void extreme(const std::vector<int>& bits, int t_bits, Path path) {
  const auto context = make_context(8192, bits, t_bits);
  const Context& c = *context;
  const Lanes lanes{8, 1};
  const std::size_t columns = 400, per_block = lanes.rows_per_block(c), blocks = 16;
  const SecretKey key(context);
  const auto pk = received(context, wire(key, {}));
  auto minus_one = std::make_shared<Ciphertext>();
  minus_one->context = context;
  for (std::size_t l = 0; l < c.limbs(); ++l) {
    minus_one->c0.insert(minus_one->c0.end(), c.degree(), c.prime(l) - 1);
  }
  minus_one->c1 = minus_one->c0;
  std::vector<std::int32_t> x(blocks * per_block * columns, 0);
  for (std::size_t b = 0; b < blocks; ++b) {
    std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(b * per_block * columns), columns, -1);
  }
  Matrix matrix(context, lanes, columns, 8, std::vector<std::shared_ptr<Ciphertext>>(columns, minus_one), path);
  std::vector<Reply> replies =
      matrix.rows(x.data(), blocks * per_block, std::vector<std::shared_ptr<Ciphertext>>(blocks, minus_one), *pk,
                  std::vector<Seed>(blocks, fresh_seed()), 2);
  std::size_t wrong = 0;
  for (const Reply& reply : replies) {
    const auto opened = open_rows(key, lanes, reply.bytes.data(), reply.bytes.size(), 8, per_block, 2);
    for (std::size_t i = 0; i < opened.size(); ++i) {
      wrong += (opened[i] + reply.shares[i]) % c.plain() != 0;
    }
  }
  const Reply last = matrix.finish(*pk, fresh_seed(), 2);
  const auto opened = open_columns(key, lanes, last.bytes.data(), last.bytes.size(), 8, columns, 2);
  for (std::size_t i = 0; i < opened.size(); ++i) {
    wrong += (opened[i] + last.shares[i]) % c.plain() != 0;
  }
  check(replies.size() == blocks && wrong == 0, "sums of the largest products by " + name_of(path));
}

void refusals() {
  const auto context = make_context(4096, {47, 47}, 30);
  const auto other = make_context(4096, {47, 46}, 30);
  const Context& c = *context;
  const SecretKey key(context), stranger(other);
  const auto pk = received(context, wire(key, {}));
  const auto foreign = received(other, wire(stranger, {}));
  const Lanes lanes{4, 2};
  const std::size_t per_block = lanes.rows_per_block(c);
  auto refuses = [&](const char* what, auto body) { check(throws<BadArgument>(body), what); };

  for (const Lanes& bad : {Lanes{3, 1}, Lanes{4, 3}, Lanes{0, 1}, Lanes{1, 0}, Lanes{512, 2}, Lanes{1, 1024},
                           Lanes{std::size_t{1} << 63, 2}}) {
    refuses("lanes that do not fit", [&] { Matrix(context, bad, 3, 1, {}); });
  }
  Matrix(context, {256, 2}, 3, 1, {});
  refuses("no vector", [&] { Matrix(context, lanes, 3, 0, {}); });
  refuses("more vectors than lanes", [&] { Matrix(context, lanes, 3, 5, {}); });
  refuses("no columns", [&] { Matrix(context, lanes, 0, 1, {}); });
  refuses("2^20 + 1 columns", [&] { Matrix(context, lanes, (1 << 20) + 1, 1, {}); });
  refuses("an operand missing", [&] { Matrix(context, lanes, 3, 1, {pk}); });
  refuses("a foreign operand", [&] { Matrix(context, lanes, 3, 1, {pk, foreign}); });

  std::vector<std::int32_t> x(17 * per_block * 3, 1);
  const std::vector<Seed> seed(1, fresh_seed());
  Matrix both(context, lanes, 3, 1, {pk, pk});
  refuses("no rows", [&] { both.rows(x.data(), 0, {}, *pk, {}, 1); });
  refuses("seventeen blocks", [&] {
    both.rows(x.data(), 17 * per_block, std::vector<std::shared_ptr<Ciphertext>>(17, pk), *pk,
              std::vector<Seed>(17, fresh_seed()), 1);
  });
  refuses("an operand short", [&] { both.rows(x.data(), 2 * per_block, {pk}, *pk, {seed[0], seed[0]}, 1); });
  refuses("an operand too many", [&] { both.rows(x.data(), 1, {pk, pk}, *pk, seed, 1); });
  refuses("no mask", [&] { both.rows(x.data(), 1, {pk}, *pk, {}, 1); });
  refuses("a foreign row operand", [&] { both.rows(x.data(), 1, {foreign}, *pk, seed, 1); });
  refuses("a foreign key", [&] { both.rows(x.data(), 1, {pk}, *foreign, seed, 1); });
  refuses("no limbs", [&] { both.rows(x.data(), 1, {pk}, *pk, seed, 0); });
  refuses("three limbs", [&] { both.rows(x.data(), 1, {pk}, *pk, seed, 3); });
  refuses("a foreign key at the end", [&] { both.finish(*foreign, seed[0], 1); });
  check(both.rows(x.data(), 1, {pk}, *pk, seed, 1).size() == 1, "refusals change nothing");
  both.finish(*pk, seed[0], 1);
  refuses("rows after the end", [&] { both.rows(x.data(), 1, {pk}, *pk, seed, 1); });
  Matrix neither(context, lanes, 3, 1, {});
  refuses("nothing to multiply with", [&] { neither.rows(x.data(), 1, {}, *pk, {}, 1); });

  const u64 t = c.plain();
  refuses("a column value of t", [&] { column_operand(c, lanes, &t, 1, 1); });
  refuses("a row value of t", [&] { row_operand(c, lanes, &t, 1, 1); });
  const SecretVector zeros(4 * per_block, 0);
  refuses("three columns in a group of two", [&] { column_operand(c, lanes, zeros.data(), 1, 3); });
  refuses("rows beyond a block", [&] { row_operand(c, lanes, zeros.data(), 1, per_block + 1); });
  refuses("five vectors in four lanes", [&] { row_operand(c, lanes, zeros.data(), 5, 1); });

  Matrix one(context, lanes, 3, 1, {pk, pk});
  const auto reply = one.rows(x.data(), 5, {}, *pk, seed, 1)[0];
  check(throws<BadInput>([&] { open_rows(key, lanes, reply.bytes.data(), reply.bytes.size() - 1, 1, 5, 1); }),
        "a reply too short");
  check(throws<BadInput>([&] { open_rows(key, lanes, reply.bytes.data(), reply.bytes.size(), 1, 4, 1); }),
        "a reply for other rows");
  check(throws<BadInput>([&] { open_columns(key, lanes, reply.bytes.data(), reply.bytes.size(), 1, 3, 1); }),
        "a reply of the other kind");

  SlotSum slots(context);
  const std::vector<std::int32_t> plain(c.degree(), 1);
  refuses("t below 2^31 in slots", [&] { slot_polynomial(c, plain.data(), 1); });
  refuses("no factors", [&] { slots.add({}, plain.data()); });
  refuses("a foreign factor", [&] { slots.add({foreign}, plain.data()); });
  refuses("a foreign key for slots", [&] { slots.finish(*foreign, seed[0], 1); });
  slots.finish(*pk, seed[0], 1);
  refuses("factors after the end", [&] { slots.add({pk}, plain.data()); });
  refuses("a second end", [&] { slots.finish(*pk, seed[0], 1); });
}

// Slot by slot, exactly, with the largest factors, sums over several calls and signs in every combination.
void slots(std::size_t degree, std::size_t factors, std::size_t calls, std::size_t reply_limbs, Path path) {
  std::mt19937_64 random(22);
  const auto context = make_context(degree, {52, 52, 52}, 51);
  const u64 t = context->plain();
  const SecretKey key(context);
  const auto pk = received(context, wire(key, {}));
  SlotSum sum(context, path);
  std::vector<u64> expected(degree, 0);
  for (std::size_t call = 0; call < calls; ++call) {
    std::vector<std::shared_ptr<Ciphertext>> encrypted;
    std::vector<std::int32_t> plain(factors * degree);
    for (std::size_t j = 0; j < factors; ++j) {
      // Short vectors leave the other slots at zero.
      const std::size_t count = j % 3 == 2 ? degree / 2 : degree;
      std::vector<std::int32_t> a(count);
      for (std::size_t i = 0; i < degree; ++i) {
        plain[j * degree + i] = static_cast<std::int32_t>(random());
        if (i < count) {
          a[i] = static_cast<std::int32_t>(random());
          const u64 product = residue(static_cast<u128>(lift(a[i], t)) * lift(plain[j * degree + i], t), t);
          expected[i] = (expected[i] + product) % t;
        }
      }
      encrypted.push_back(received(context, wire(key, slot_polynomial(*context, a.data(), count))));
    }
    sum.add(encrypted, plain.data());
  }
  const Reply reply = sum.finish(*pk, fresh_seed(), reply_limbs);
  check(reply.bytes.size() == slot_reply_size(*context, reply_limbs), "size of a reply of slots");
  const auto opened = open_slots(key, reply.bytes.data(), reply.bytes.size(), reply_limbs);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < degree; ++i) {
    wrong += (opened[i] + reply.shares[i]) % t != expected[i];
  }
  check(wrong == 0, "every slot is exact: " + name_of(path));
  check(throws<BadInput>([&] { open_slots(key, reply.bytes.data(), reply.bytes.size() - 1, reply_limbs); }),
        "a reply of slots too short");
  std::printf("slots of degree %zu, %zu calls of %zu factors: %zu wrong\n", degree, calls, factors, wrong);
}

// Attack (a) of attack_tests.cpp on the replies of this level: an operand that encrypts zero, but with an error
// of `size` in one coefficient. What it is multiplied with shows beside the multiples of q/t under a mask
// modulo t and a flood of 2^65, and not under the full-width mask.
struct Malformed {
  std::shared_ptr<const Context> context = make_context(4096, {54, 54}, 38);  // q/t = 2^70
  SecretKey key{context};
  std::shared_ptr<Ciphertext> pk = received(context, wire(key, {}));
  Seed seed = fresh_seed();

  std::shared_ptr<Ciphertext> operand(u64 size, std::size_t coefficient) const {
    Seeded crafted = encrypt(key, {});
    std::vector<u64> error(context->size(), 0);
    for (std::size_t l = 0; l < 2; ++l) {
      error[l * context->degree() + coefficient] = size % context->prime(l);
    }
    context->ntt(error.data());
    for (std::size_t i = 0; i < error.size(); ++i) {
      crafted.c0[i] = seal::util::add_uint_mod(crafted.c0[i], error[i], context->modulus(i / context->degree()));
    }
    return received(context, write_seeded(*context, crafted));
  }

  void attack(const char* what, const std::vector<std::uint8_t>& bytes, const Wanted& wanted,
              const std::vector<double>& truth) const {
    const Context& c = *context;
    const std::size_t n = c.degree(), count = wanted.size();
    std::vector<u64> c1(2 * n), values(2 * count);
    std::size_t at = 0;
    for (std::size_t l = 0; l < 2; ++l) {
      unpack(bytes.data(), bytes.size(), at, c.modulus(l), n, c1.data() + l * n);
      unpack(bytes.data(), bytes.size(), at, c.modulus(l), count, values.data() + l * count);
    }
    check(at == bytes.size(), std::string(what) + ": c1 and the wanted coefficients, nothing else");
    c.ntt(c1.data());
    for (std::size_t i = 0; i < c1.size(); ++i) {
      c1[i] = seal::util::multiply_uint_mod(c1[i], key.s[i], c.modulus(i / n));
    }
    c.inverse_ntt(c1.data());
    const SecretVector masks = draw_masks(c, *generator(seed), count);
    std::mt19937_64 random(23);
    std::vector<double> with, without;
    for (std::size_t i = 0; i < count; ++i) {
      const u128 q = modulus_of(c);
      const u128 phase = compose(c, seal::util::add_uint_mod(values[i], c1[wanted[i]], c.modulus(0)),
                                 seal::util::add_uint_mod(values[count + i], c1[n + wanted[i]], c.modulus(1)));
      with.push_back(beyond_plaintext(c, phase));
      const u128 bare = (phase + q - compose(c, masks[i], masks[count + i])) % q;
      const u128 flood = ((static_cast<u128>(random()) << 64) | random()) >> 62;  // [0, 2^66)
      without.push_back(beyond_plaintext(c, (bare + q + flood - (static_cast<u128>(1) << 65)) % q));
    }
    const double open = correlation(without, truth), closed = correlation(with, truth);
    std::printf("(a) malformed noise, %s: correlation %.3f under a mask modulo t and flood, %.3f under the full-width mask\n",
                what, open, closed);
    check(open > 0.9, std::string(what) + ", without: the attack works");
    check(std::abs(closed) < 5 / std::sqrt(static_cast<double>(count)), std::string(what) + ", with: it fails");
  }
};

void malformed_noise() {
  const Malformed m;
  const Context& c = *m.context;
  std::mt19937_64 random(24);
  auto draw = [&](std::size_t count) {
    std::vector<std::int32_t> x(count);
    for (auto& v : x) {
      v = static_cast<std::int32_t>(random() % 2049) - 1024;
    }
    return x;
  };
  {
    const Lanes lanes{2, 1};
    const std::size_t rows = lanes.rows_per_block(c);
    const auto x = draw(rows);
    Matrix matrix(m.context, lanes, 1, 1, {m.operand(1ull << 57, 0)});
    const auto replies = matrix.rows(x.data(), rows, {}, *m.pk, {m.seed}, 2);
    m.attack("a column", replies[0].bytes, row_positions(c, lanes, 1, rows), {x.begin(), x.end()});
  }
  {
    const Lanes lanes{8, 64};
    const std::size_t rows = lanes.rows_per_block(c);
    const auto x = draw(rows * lanes.width);
    Matrix matrix(m.context, lanes, lanes.width, 1, {});
    matrix.rows(x.data(), rows, {m.operand(1ull << 57, (rows - 1) * lanes.width * lanes.lanes)}, *m.pk, {}, 2);
    m.attack("a row", matrix.finish(*m.pk, m.seed, 2).bytes, column_positions(c, lanes, 1, lanes.width),
             {x.begin(), x.begin() + static_cast<std::ptrdiff_t>(lanes.width)});
  }
  const auto plain = draw(c.degree());
  std::vector<double> truth;
  for (u64 v : slot_polynomial(c, plain.data(), c.degree())) {
    truth.push_back(v > c.plain() / 2 ? static_cast<double>(v) - static_cast<double>(c.plain()) : static_cast<double>(v));
  }
  SlotSum sum(m.context);
  sum.add({m.operand(1ull << 30, 0)}, plain.data());
  m.attack("slots", sum.finish(*m.pk, m.seed, 2).bytes, every(c.degree()), truth);
}

// The sampler of this project is SEAL's, byte for byte, over borders of its buffer, on every kind of processor.
void expansion() {
  for (std::size_t lanes : {1u, 4u, 8u}) {
    if (lanes > FastBlake2xb::most_lanes()) {
      std::printf("this processor has no %zu lanes: not tested\n", lanes);
      continue;
    }
    for (int i = 0; i < 20; ++i) {
      const Seed seed = fresh_seed();
      seal::prng_seed_type words;
      std::copy_n(seed.begin(), seed.size(), reinterpret_cast<std::uint8_t*>(words.data()));
      seal::Blake2xbPRNG theirs(words);
      FastBlake2xb ours(words, lanes);
      for (std::size_t count : {1u, 63u, 4096u, 4095u, 20000u}) {
        std::vector<seal::seal_byte> a(count), b(count);
        theirs.generate(count, a.data());
        ours.generate(count, b.data());
        check(a == b, "random bytes are SEAL's with " + std::to_string(lanes) + " lanes");
      }
    }
  }
}

// Transforms of all paths agree, also on the largest values of the largest primes, and undo each other.
// native_tests compares those of this machine with SEAL's.
void transforms() {
  std::mt19937_64 random(25);
  for (std::size_t degree : {1024u, 4096u, 16384u}) {
    for (int bits : {33, 50, 52, 60}) {
      const seal::Modulus q = seal::CoeffModulus::Create(degree, {bits})[0];
      u64 root = 0;
      seal::util::try_minimal_primitive_root(2 * degree, q, root);
      const Transform plain(degree, root, q, Path::kScalar);
      for (Path path : paths()) {
        const Transform other(degree, root, q, path);
        check(other.path() == (path == Path::kAvx2                ? Path::kScalar
                               : path == Path::kIfma && bits > 50 ? Path::kAvx512
                                                                  : path),
              "the path asked for");
        for (std::size_t size = 8; size <= degree; size *= 2) {
          for (int kind = 0; kind < 4; ++kind) {
            std::vector<u64> values(size);
            for (auto& v : values) {
              v = kind == 0 ? q.value() - 1 : kind == 1 ? (random() & 1) * (q.value() - 1) : random() % q.value();
            }
            std::vector<u64> a = values, b = values;
            plain.forward(a.data(), size);
            other.forward(b.data(), size);
            check(a == b, "forward transforms of " + std::to_string(size) + " values agree: " + name_of(path));
            if (size == degree) {
              std::vector<u64> c = values, d = values;
              plain.inverse(c.data());
              other.inverse(d.data());
              check(c == d, "inverse transforms agree: " + name_of(path));
              other.inverse(b.data());
              check(b == values, "transforms undo each other: " + name_of(path));
            }
          }
        }
      }
    }
  }
}

}  // namespace

int main() {
  // Degree, limbs, t, lanes, width, vectors, rows, columns, limbs of a reply, both ways, blocks a call, tolerance.
  for (Path path : paths()) {
    products({4096, {54, 54}, 40, 1, 1, 1, 4096, 3, 2, true, true, 16, 0}, path);
    products({4096, {54, 54}, 40, 16, 4, 11, 300, 9, 2, true, true, 2, 0}, path);
    products({4096, {50, 50}, 40, 8, 1, 8, 1000, 35, 2, true, true, 16, 0}, path);
    products({8192, {60, 60}, 51, 16, 1, 15, 1300, 140, 1, true, true, 3, 1}, path);
    extreme({60, 60}, 51, path);
    extreme({50, 50}, 40, path);
  }
  products({4096, {54, 54}, 40, 8, 1, 8, 1000, 5, 2, true, true, 16, 0}, paths().back());
  products({4096, {54, 54}, 40, 4, 2, 3, 700, 7, 2, true, false, 1, 0}, paths().back());
  products({4096, {54, 54}, 40, 4, 2, 3, 700, 7, 2, false, true, 1, 0}, paths().back());
  products({4096, {54, 54}, 40, 2, 64, 2, 100, 150, 2, true, true, 16, 0}, paths().back());
  products({4096, {54, 54}, 40, 128, 4, 100, 40, 10, 2, true, true, 16, 0}, paths().back());
  products({8192, {60, 60}, 51, 32, 8, 32, 530, 30, 1, true, true, 16, 1}, paths().back());
  products({16384, {60, 60}, 51, 32, 2, 25, 600, 6, 1, true, true, 16, 1}, paths().back());
  for (Path path : paths()) {
    slots(8192, 5, 3, 2, path);
  }
  slots(8192, 51, 1, 2, paths().back());
  slots(16384, 20, 2, 3, paths().back());
  malformed_noise();
  refusals();
  expansion();
  transforms();
  return finished("tests of level sealed");
}
