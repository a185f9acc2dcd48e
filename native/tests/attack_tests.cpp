// One attack for each protection of a reply. Every attack first runs against a reply that lacks the
// one protection, built here from raw arithmetic, and must succeed; then against the product's reply,
// and must fail. The product has no switch that turns a protection off.
//
// The attacker is the key holder: it knows the secret key, its coins and every uniform half, and may
// send anything that the codec accepts. Attacks on seeds and on masks used twice are in Java
// (SeedRegistryTest, RequestBindingTest), where those rules live.
#include <algorithm>

#include "support.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using Matrix = std::vector<std::int32_t>;

Matrix gaussian(std::size_t rows, std::size_t columns, double deviation, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, deviation);
  Matrix x(rows * columns);
  for (auto& v : x) {
    v = static_cast<std::int32_t>(std::lround(std::clamp(normal(random), -3.5 * deviation, 3.5 * deviation)));
  }
  return x;
}

std::shared_ptr<Tiles> tiles_of(const std::shared_ptr<const Context>& context, const Matrix& x, std::size_t rows,
                                std::size_t columns, std::size_t width) {
  auto tiles = std::make_shared<Tiles>(context, rows, columns, width, 1 << 20);
  for (std::size_t b = 0; b < tiles->blocks(); ++b) {
    tiles->put(b, x.data() + b * tiles->rows_per_block() * columns, tiles->rows_in(b));
  }
  return tiles;
}

// Σ_b T_b·[[r_b]] of one group in NTT form with no protection at all.
struct Sum {
  std::vector<u64> c0, c1;
};
Sum bare_sum(const Tiles& tiles, std::size_t group, const std::vector<std::shared_ptr<Ciphertext>>& blocks) {
  const Context& c = tiles.context();
  Sum sum{std::vector<u64>(c.size()), std::vector<u64>(c.size())};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const SecretVector x = tiles.tile(b, group);
    for (std::size_t l = 0; l < c.limbs(); ++l) {
      const auto& q = c.modulus(l);
      for (std::size_t i = l * c.degree(); i < (l + 1) * c.degree(); ++i) {
        sum.c0[i] = seal::util::multiply_add_uint_mod(x[i], blocks[b]->c0[i], sum.c0[i], q);
        sum.c1[i] = seal::util::multiply_add_uint_mod(x[i], blocks[b]->c1[i], sum.c1[i], q);
      }
    }
  }
  return sum;
}

Reply product_reply(const std::shared_ptr<const Tiles>& tiles, const std::vector<std::shared_ptr<Ciphertext>>& blocks,
                    const Ciphertext& public_key, std::size_t reply_limbs) {
  Accumulator sum(tiles);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    sum.add({b}, {blocks[b]});
  }
  return sum.finish(public_key, fresh_seed(), reply_limbs);
}

// What the attacker reads in a reply: c1 of each group and the wanted coefficients of c0.
struct Seen {
  std::vector<std::vector<u64>> c1;  // group → limbs × N
  std::vector<u64> wanted;           // limbs × columns
};
Seen parse(const Context& c, const std::vector<std::uint8_t>& bytes, std::size_t columns, std::size_t width,
           std::size_t limbs) {
  Seen seen;
  seen.wanted.resize(columns * limbs);
  std::size_t at = 0;
  for (std::size_t from = 0; from < columns; from += width) {
    const std::size_t used = std::min(width, columns - from);
    std::vector<u64> c1(limbs * c.degree());
    for (std::size_t l = 0; l < limbs; ++l) {
      unpack(bytes.data(), bytes.size(), at, c.modulus(l), c.degree(), c1.data() + l * c.degree());
      unpack(bytes.data(), bytes.size(), at, c.modulus(l), used, seen.wanted.data() + l * columns + from);
    }
    seen.c1.push_back(std::move(c1));
  }
  check(at == bytes.size(), "a reply holds c1 and one coefficient a column, nothing else");
  return seen;
}

// c0 + c1·s of the wanted coefficients, modulo q.
std::vector<u128> phases(const SecretKey& key, const Seen& seen, std::size_t columns, std::size_t width) {
  const Context& c = *key.context;
  const std::size_t n = c.degree();
  std::vector<u128> out(columns);
  for (std::size_t g = 0; g < seen.c1.size(); ++g) {
    std::vector<u64> c1 = seen.c1[g];
    c.ntt(c1.data());
    for (std::size_t i = 0; i < c1.size(); ++i) {
      c1[i] = seal::util::multiply_uint_mod(c1[i], key.s[i], c.modulus(i / n));
    }
    c.inverse_ntt(c1.data());
    for (std::size_t j = g * width; j < std::min(columns, (g + 1) * width); ++j) {
      u64 r[2];
      for (std::size_t l = 0; l < 2; ++l) {
        r[l] = seal::util::add_uint_mod(seen.wanted[l * columns + j], c1[l * n + n - 1 - (j - g * width)], c.modulus(l));
      }
      out[j] = compose(c, r[0], r[1]);
    }
  }
  return out;
}

// (a) The mask covers the whole of Z_q. A mask modulo t with flooding for honest noise leaves X open to
// "noise" of any size: the attacker encrypts zero, adds E = 2^57 to one coefficient and reads E·x.
void full_width_mask() {
  const std::size_t rows = 64, columns = 1024, width = 64;
  auto context = make_context(4096, {54, 54}, 38);  // Δ = 2^70
  const Context& c = *context;
  const std::size_t n = c.degree();
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  const Matrix x = gaussian(rows, columns, 1024, 1);
  auto tiles = tiles_of(context, x, rows, columns, width);

  const std::size_t victim = 17;
  Seeded crafted = encrypt(key, {});
  std::vector<u64> noise(c.size(), 0);
  for (std::size_t l = 0; l < 2; ++l) {
    noise[l * n + (rows - 1 - victim) * width] = (1ull << 57) % c.prime(l);
  }
  c.ntt(noise.data());
  for (std::size_t i = 0; i < noise.size(); ++i) {
    crafted.c0[i] = seal::util::add_uint_mod(crafted.c0[i], noise[i], c.modulus(i / n));
  }
  auto block = received(context, write_seeded(c, crafted));
  std::vector<double> truth(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    truth[j] = x[victim * columns + j];
  }
  auto attack = [&](const Seen& seen) {
    std::vector<double> read;
    for (u128 phase : phases(key, seen, columns, width)) {
      read.push_back(beyond_plaintext(c, phase));
    }
    return correlation(read, truth);
  };

  // Everything but the full width: fresh zero, mask uniform modulo t, flood uniform in ±2^65, which is
  // 2^35 times the honest noise.
  Seen without;
  without.wanted.resize(2 * columns);
  std::mt19937_64 random(2);
  for (std::size_t g = 0; g < tiles->groups(); ++g) {
    Sum sum = bare_sum(*tiles, g, {block});
    add_zero_encryption(*pk, every(n), sum.c0.data(), sum.c1.data());
    std::vector<u64> m(n);
    for (auto& v : m) {
      v = random() % c.plain();
    }
    c.add_scaled(m.data(), sum.c0.data());
    for (std::size_t j = 0; j < width; ++j) {
      const u128 flood = ((static_cast<u128>(random()) << 64) | random()) >> 62;  // [0, 2^66)
      for (std::size_t l = 0; l < 2; ++l) {
        const auto& q = c.modulus(l);
        const u64 centred = seal::util::sub_uint_mod(static_cast<u64>(flood % q.value()),
                                                     static_cast<u64>((static_cast<u128>(1) << 65) % q.value()), q);
        without.wanted[l * columns + g * width + j] =
            seal::util::add_uint_mod(sum.c0[l * n + n - 1 - j], centred, q);
      }
    }
    without.c1.push_back(sum.c1);
  }
  const double open = attack(without);
  Reply reply = product_reply(tiles, {block}, *pk, 2);
  const double closed = attack(parse(c, reply.bytes, columns, width, 2));
  std::printf("(a) malformed noise: correlation with X %.3f under a mask modulo t and flood, %.3f under the full-width mask\n",
              open, closed);
  check(open > 0.98, "(a) without: the attack works");
  check(std::abs(closed) < 0.16, "(a) with: the attack fails");  // five standard deviations
}

// (b) A fresh encryption of zero hides c1. Without it c1 = Σ_b T_b·a_b with every a_b known: as many
// passes as blocks make a linear system in each NTT slot.
void fresh_zero() {
  const std::size_t blocks = 3, width = 8, columns = 8;
  auto context = make_context(4096, {54, 54}, 38);
  const Context& c = *context;
  const std::size_t n = c.degree(), rows = blocks * (n / width);
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  const Matrix x = gaussian(rows, columns, 1024, 3);
  auto tiles = tiles_of(context, x, rows, columns, width);
  const auto& q = c.modulus(0);

  std::vector<std::vector<std::shared_ptr<Ciphertext>>> sent(blocks);
  std::vector<std::vector<u64>> bare, product;  // per pass: c1 modulo q₁, NTT form
  for (auto& pass : sent) {
    for (std::size_t b = 0; b < blocks; ++b) {
      pass.push_back(received(context, wire(key, SecretVector(n, 1))));
    }
    bare.push_back(bare_sum(*tiles, 0, pass).c1);
    auto c1 = parse(c, product_reply(tiles, pass, *pk, 2).bytes, columns, width, 2).c1[0];
    c.ntt(c1.data());
    product.push_back(c1);
  }
  // Share of the entries of X that Gaussian elimination over Z_q₁ returns exactly.
  auto attack = [&](const std::vector<std::vector<u64>>& replies) {
    std::vector<std::vector<u64>> solved(blocks, std::vector<u64>(n));
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<std::vector<u64>> equations(blocks);
      for (std::size_t p = 0; p < blocks; ++p) {
        for (std::size_t b = 0; b < blocks; ++b) {
          equations[p].push_back(sent[p][b]->c1[i]);
        }
        equations[p].push_back(replies[p][i]);
      }
      for (std::size_t k = 0; k < blocks; ++k) {
        std::size_t pivot = k;
        while (pivot < blocks && equations[pivot][k] == 0) {
          ++pivot;
        }
        if (pivot == blocks) {
          break;  // a singular slot: probability 2^-50
        }
        std::swap(equations[k], equations[pivot]);
        u64 inverse = 0;
        seal::util::try_invert_uint_mod(equations[k][k], q, inverse);
        for (auto& v : equations[k]) {
          v = seal::util::multiply_uint_mod(v, inverse, q);
        }
        for (std::size_t other = 0; other < blocks; ++other) {
          const u64 factor = equations[other][k];
          if (other != k && factor != 0) {
            for (std::size_t j = k; j <= blocks; ++j) {
              equations[other][j] = seal::util::sub_uint_mod(
                  equations[other][j], seal::util::multiply_uint_mod(factor, equations[k][j], q), q);
            }
          }
        }
      }
      for (std::size_t b = 0; b < blocks; ++b) {
        solved[b][i] = equations[b][blocks];
      }
    }
    std::size_t right = 0;
    for (std::size_t b = 0; b < blocks; ++b) {
      c.inverse_ntt_limb(solved[b].data(), 0);
      for (std::size_t i = 0; i < n / width; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
          const u64 v = solved[b][i * width + (width - 1 - j)];
          const i64 value = v > q.value() / 2 ? static_cast<i64>(v) - static_cast<i64>(q.value()) : static_cast<i64>(v);
          right += value == x[(b * (n / width) + i) * columns + j];
        }
      }
    }
    return static_cast<double>(right) / static_cast<double>(x.size());
  };
  const double open = attack(bare), closed = attack(product);
  std::printf("(b) linear algebra on c1: %.1f %% of X exact without a fresh zero, %.1f %% with\n", 100 * open, 100 * closed);
  check(open == 1, "(b) without: the attack works");
  check(closed == 0, "(b) with: the attack fails");
}

// (c) Only the wanted coefficients are sent. The others are cross sums: for residuals that single out
// the first row, a valid ciphertext, T·P is the tile itself, shifted by one row.
void wanted_coefficients_only() {
  const std::size_t width = 8, columns = 8;
  auto context = make_context(4096, {54, 54}, 38);
  const Context& c = *context;
  const std::size_t n = c.degree(), rows = n / width;
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  const Matrix x = gaussian(rows, columns, 1024, 4);
  auto tiles = tiles_of(context, x, rows, columns, width);
  std::vector<i64> unit(rows, 0);
  unit[0] = 1;
  auto block = received(context, wire(key, residual_polynomial(c, unit.data(), rows, width)));

  // Share of X (first row apart: it is wanted, and masked) read from c0, c1 in coefficient form.
  auto attack = [&](const std::vector<u64>& c0, std::vector<u64> c1) {
    c.ntt(c1.data());
    for (std::size_t i = 0; i < c1.size(); ++i) {
      c1[i] = seal::util::multiply_uint_mod(c1[i], key.s[i], c.modulus(i / n));
    }
    c.inverse_ntt(c1.data());
    std::size_t right = 0;
    for (std::size_t i = 1; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const std::size_t k = (i - 1) * width + (width - 1 - j);
        u64 residues[2];
        for (std::size_t l = 0; l < 2; ++l) {
          residues[l] = seal::util::add_uint_mod(c0[l * n + k], c1[l * n + k], c.modulus(l));
        }
        const i64 t = static_cast<i64>(c.plain()), v = static_cast<i64>(c.round_to_plain(residues, 2));
        right += (v > t / 2 ? t - v : -v) == x[i * columns + j];
      }
    }
    return static_cast<double>(right) / static_cast<double>((rows - 1) * columns);
  };

  // Without: the whole ciphertext goes back, its wanted coefficients masked over the full width.
  Sum sum = bare_sum(*tiles, 0, {block});
  add_zero_encryption(*pk, every(n), sum.c0.data(), sum.c1.data());
  std::mt19937_64 random(5);
  for (std::size_t l = 0; l < 2; ++l) {
    for (std::size_t j = 0; j < columns; ++j) {
      sum.c0[l * n + n - 1 - j] = random() % c.prime(l);
    }
  }
  const double open = attack(sum.c0, sum.c1);
  // With: what a reply lacks can only be guessed.
  Seen seen = parse(c, product_reply(tiles, {block}, *pk, 2).bytes, columns, width, 2);
  std::vector<u64> c0(c.size());
  for (std::size_t i = 0; i < c0.size(); ++i) {
    c0[i] = random() % c.prime(i / n);
  }
  for (std::size_t l = 0; l < 2; ++l) {
    for (std::size_t j = 0; j < columns; ++j) {
      c0[l * n + n - 1 - j] = seen.wanted[l * columns + j];
    }
  }
  const double closed = attack(c0, seen.c1[0]);
  std::printf("(c) cross sums: %.1f %% of X exact when every coefficient is sent, %.1f %% from a reply\n", 100 * open,
              100 * closed);
  check(open == 1, "(c) without: the attack works");
  check(closed < 0.001, "(c) with: the attack fails");
}

// (c) The mask comes before the switch. A mask modulo t that is added after it leaves the switch's
// rounding error δ₀ + δ₁·s in the open: a linear equation in δ₁, the half of c1 that is not sent.
void mask_before_switch() {
  const std::size_t width = 64, columns = 1024, rows = 64;
  auto context = make_context(4096, {54, 54}, 38);  // one limb: Δ' = 2^16
  const Context& c = *context;
  const std::size_t n = c.degree();
  const u64 q1 = c.prime(0), q2 = c.prime(1);
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  auto tiles = tiles_of(context, gaussian(rows, columns, 1024, 6), rows, columns, width);
  auto block = received(context, wire(key, SecretVector(n, 3)));

  // c0 + c1·s of the wanted coefficients modulo q₁, less the nearest multiple of q₁/t.
  auto attack = [&](const Seen& seen) {
    std::vector<double> read(columns);
    for (std::size_t g = 0; g < seen.c1.size(); ++g) {
      std::vector<u64> c1(seen.c1[g].begin(), seen.c1[g].begin() + static_cast<std::ptrdiff_t>(n));
      c.ntt(c1.data(), 0);
      for (std::size_t i = 0; i < n; ++i) {
        c1[i] = seal::util::multiply_uint_mod(c1[i], key.s[i], c.modulus(0));
      }
      c.inverse_ntt_limb(c1.data(), 0);
      for (std::size_t j = 0; j < width; ++j) {
        const u64 v = seal::util::add_uint_mod(seen.wanted[g * width + j], c1[n - 1 - j], c.modulus(0));
        const u64 m = c.round_to_plain(&v, 1);
        double d = static_cast<double>(static_cast<i128>(v) -
                                       static_cast<i128>((static_cast<u128>(m) * q1 + c.plain() / 2) / c.plain()));
        read[g * width + j] = d > static_cast<double>(q1 / 2) ? d - static_cast<double>(q1) : d;
      }
    }
    return read;
  };

  auto dropped = [&](u64 first, u64 second, double* error) {  // round(x/q₂) modulo q₁, and the rounding error
    const u128 v = compose(c, first, second);
    const u128 rounded = (v + q2 / 2) / q2;
    *error = static_cast<double>(static_cast<i128>(rounded * q2) - static_cast<i128>(v)) / static_cast<double>(q2);
    return static_cast<u64>(rounded % q1);
  };
  Seen without;
  without.wanted.resize(columns);
  std::vector<double> truth(columns);
  std::mt19937_64 random(7);
  // The ternary secret in coefficient form.
  std::vector<u64> s(key.s.begin(), key.s.begin() + static_cast<std::ptrdiff_t>(n));
  c.inverse_ntt_limb(s.data(), 0);
  for (std::size_t g = 0; g < tiles->groups(); ++g) {
    Sum sum = bare_sum(*tiles, g, {block});
    add_zero_encryption(*pk, every(n), sum.c0.data(), sum.c1.data());
    std::vector<u64> c1(n);
    std::vector<double> low(n);
    for (std::size_t i = 0; i < n; ++i) {
      c1[i] = dropped(sum.c1[i], sum.c1[n + i], &low[i]);
    }
    without.c1.push_back(c1);
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t k = n - 1 - j;
      double error;
      const u64 c0 = dropped(sum.c0[k], sum.c0[n + k], &error);
      for (std::size_t i = 0; i < n; ++i) {  // coefficient k of δ₁·s
        const u64 v = s[i];
        const double sign = v == 0 ? 0 : (v == 1 ? 1 : -1);
        error += sign * (i <= k ? low[k - i] : -low[n + k - i]);
      }
      truth[g * width + j] = error;
      const u128 m = random() % c.plain();
      without.wanted[g * width + j] =
          seal::util::add_uint_mod(c0, static_cast<u64>((m * q1 + c.plain() / 2) / c.plain()) % q1, c.modulus(0));
    }
  }
  const std::vector<double> bare = attack(without);
  const std::vector<double> masked =
      attack(parse(c, product_reply(tiles, {block}, *pk, 1).bytes, columns, width, 1));
  auto small = [](const std::vector<double>& values) {
    return static_cast<double>(std::count_if(values.begin(), values.end(), [](double v) { return std::abs(v) < 256; })) /
           static_cast<double>(values.size());
  };
  std::printf("(c) switch, then mask: rounding error read with correlation %.3f; within 2^8 of 2^16: %.1f %%, masked first %.1f %%\n",
              correlation(bare, truth), 100 * small(bare), 100 * small(masked));
  check(correlation(bare, truth) > 0.999 && small(bare) == 1, "(c) without: the rounding error is open");
  check(small(masked) < 0.025, "(c) with: it is not");  // 512 of 2^16 expected
}

// (d) Uniform halves are expanded here from seeds. A key holder that may choose them sends a zero or
// constant public key, which hides nothing, and a block with c1 = 2^20: its reply's c1 is 2^20·X.
void seeded_form_only() {
  const std::size_t width = 8, columns = 8;
  auto context = make_context(4096, {54, 54}, 38);
  const Context& c = *context;
  const std::size_t n = c.degree(), rows = n / width;
  SecretKey key(context);
  const Matrix x = gaussian(rows, columns, 1024, 8);
  auto tiles = tiles_of(context, x, rows, columns, width);
  auto constant = [&](u64 value) { return std::vector<u64>(c.size(), value); };  // NTT form
  const Ciphertext zero_key{context, constant(0), constant(0)};
  const Ciphertext sparse_key{context, constant(0), constant(1)};
  auto chosen = std::make_shared<Ciphertext>(Ciphertext{context, constant(0), constant(1 << 20)});
  const double scale = 1 << 20;

  // Best the attacker can do with what it knows of the uniform half: divide by it modulo q₁ and round.
  auto attack = [&](const Ciphertext& public_key, const std::shared_ptr<Ciphertext>& block, bool divide) {
    std::vector<u64> c1 = parse(c, product_reply(tiles, {block}, public_key, 2).bytes, columns, width, 2).c1[0];
    const auto& q = c.modulus(0);
    if (divide) {
      c.ntt(c1.data(), 0);
      for (std::size_t i = 0; i < n; ++i) {
        u64 inverse = 0;
        seal::util::try_invert_uint_mod(block->c1[i], q, inverse);
        c1[i] = seal::util::multiply_uint_mod(c1[i], inverse, q);
      }
      c.inverse_ntt_limb(c1.data(), 0);
    }
    std::size_t right = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const u64 v = c1[i * width + (width - 1 - j)];
        const double centred = v > q.value() / 2 ? -static_cast<double>(q.value() - v) : static_cast<double>(v);
        right += std::abs(std::round(divide ? centred : centred / scale) - x[i * columns + j]) < 0.5;
      }
    }
    return static_cast<double>(right) / static_cast<double>(x.size());
  };
  const double zero = attack(zero_key, chosen, false), sparse = attack(sparse_key, chosen, false);
  // On the wire there is no place for a uniform half: the worst key is an all-zero message.
  const std::vector<std::uint8_t> nothing(seeded_size(c), 0);
  auto worst = received(context, nothing);
  auto block = received(context, wire(key, SecretVector(n, 1)));
  const double seeded_key = attack(*worst, chosen, false), seeded = attack(*worst, block, true);
  std::vector<std::size_t> bins(64);
  for (std::size_t i = 0; i < worst->c1.size(); ++i) {
    ++bins[static_cast<std::size_t>((static_cast<u128>(worst->c1[i]) * 64) / c.prime(i / n))];
  }
  std::printf("(d) chosen halves: %.1f %% of X exact with a zero key, %.1f %% with a constant one; %.1f %% and %.1f %% in seeded form\n",
              100 * zero, 100 * sparse, 100 * seeded_key, 100 * seeded);
  check(zero == 1 && sparse == 1, "(d) without: the attack works");
  check(seeded_key < 0.001 && seeded < 0.001, "(d) with: the attack fails");
  check(std::abs(chi_square(bins)) < 5, "(d) the half expanded from an all-zero message is uniform");
}

// (d) One seed for two ciphertexts gives their difference away, to everyone. Encryption draws a fresh
// one each time; the receiver refuses a seed that it has seen.
void seeds_are_fresh() {
  auto context = make_context(4096, {54, 54}, 38);
  const Context& c = *context;
  const std::size_t n = c.degree();
  SecretKey key(context);
  SecretVector first(n), second(n);
  std::mt19937_64 random(9);
  for (std::size_t i = 0; i < n; ++i) {
    first[i] = random() % c.plain();
    second[i] = random() % c.plain();
  }
  // encrypt() with the second ciphertext moved to the first one's seed: c0 − a'·s + a·s.
  Seeded a = encrypt(key, first), b = encrypt(key, second);
  auto attack = [&](const Seeded& one, const Seeded& other) {
    std::vector<u64> d(c.size());
    for (std::size_t i = 0; i < d.size(); ++i) {
      d[i] = seal::util::sub_uint_mod(one.c0[i], other.c0[i], c.modulus(i / n));
    }
    c.inverse_ntt(d.data());
    std::size_t right = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const u64 residues[2] = {d[i], d[n + i]};
      right += c.round_to_plain(residues, 2) == (first[i] + c.plain() - second[i]) % c.plain();
    }
    return static_cast<double>(right) / static_cast<double>(n);
  };
  const double fresh = attack(a, b);
  const Ciphertext ea = expand(context, a.seed, a.c0), eb = expand(context, b.seed, b.c0);
  for (std::size_t i = 0; i < c.size(); ++i) {
    const auto& q = c.modulus(i / n);
    b.c0[i] = seal::util::add_uint_mod(
        b.c0[i], seal::util::multiply_uint_mod(seal::util::sub_uint_mod(eb.c1[i], ea.c1[i], q), key.s[i], q), q);
  }
  b.seed = a.seed;
  const double reused = attack(a, b);
  std::printf("(d) seeds: %.1f %% of the differences of residuals exact with one seed twice, %.1f %% with fresh ones\n",
              100 * reused, 100 * fresh);
  check(reused == 1, "(d) without: a seed used twice opens differences");
  check(fresh < 0.001, "(d) with: fresh seeds do not");
}

// Masked replies are uniform for the most telling inputs, in high and low digits, and so are shares.
void uniform_replies() {
  const std::size_t width = 64, columns = 8192, rows = 64, bins = 64;
  auto context = make_context(4096, {54, 54}, 38);
  const Context& c = *context;
  const std::size_t n = c.degree();
  SecretKey key(context);
  auto pk = received(context, wire(key, {}));
  const std::int32_t max_x = 1 << 20;
  for (std::int32_t value : {0, 1, max_x, -max_x}) {
    auto tiles = tiles_of(context, Matrix(rows * columns, value), rows, columns, width);
    for (i64 residual : {i64{0}, i64{1 << 10}, -i64{1 << 10}}) {
      const std::vector<i64> r(rows, residual);
      auto block = received(context, wire(key, residual_polynomial(c, r.data(), rows, width)));
      for (std::size_t limbs : {std::size_t{1}, std::size_t{2}}) {
        Reply reply = product_reply(tiles, {block}, *pk, limbs);
        Seen seen = parse(c, reply.bytes, columns, width, limbs);
        double worst = 0;
        for (std::size_t l = 0; l < limbs; ++l) {
          std::vector<std::size_t> high(bins), low(bins), high1(bins), low1(bins);
          for (std::size_t j = 0; j < columns; ++j) {
            const u64 v = seen.wanted[l * columns + j];
            ++high[static_cast<std::size_t>(static_cast<u128>(v) * bins / c.prime(l))];
            ++low[v % bins];
          }
          for (const auto& c1 : seen.c1) {
            for (std::size_t i = l * n; i < (l + 1) * n; ++i) {
              ++high1[static_cast<std::size_t>(static_cast<u128>(c1[i]) * bins / c.prime(l))];
              ++low1[c1[i] % bins];
            }
          }
          for (const auto& counts : {high, low, high1, low1}) {
            worst = std::max(worst, std::abs(chi_square(counts)));
          }
        }
        std::vector<std::size_t> shares(bins);
        for (u64 share : reply.shares) {
          ++shares[static_cast<std::size_t>(static_cast<u128>(share) * bins / c.plain())];
        }
        worst = std::max(worst, std::abs(chi_square(shares)));
        // Some 250 statistics near N(0, 1): 8 allows for the heavier upper tail of chi-square.
        check(worst < 8, "replies to X = " + std::to_string(value) + ", r = " + std::to_string(residual) + " with " +
                               std::to_string(limbs) + " limbs are uniform: " + std::to_string(worst));
      }
    }
  }
  // The test has power: the digits below q/t of a sum masked modulo t only are far from uniform.
  auto tiles = tiles_of(context, Matrix(rows * width, max_x), rows, width, width);
  auto block = received(context, wire(key, SecretVector(n, 1)));
  Sum sum = bare_sum(*tiles, 0, {block});
  Seen seen;
  seen.wanted.resize(2 * width);
  c.inverse_ntt(sum.c0.data());
  c.inverse_ntt(sum.c1.data());
  seen.c1.push_back(sum.c1);
  for (std::size_t j = 0; j < width; ++j) {
    seen.wanted[j] = sum.c0[n - 1 - j];
    seen.wanted[width + j] = sum.c0[n + n - 1 - j];
  }
  std::vector<std::size_t> low(bins);
  const double delta = static_cast<double>(modulus_of(c) / c.plain());
  for (u128 phase : phases(key, seen, width, width)) {
    ++low[static_cast<std::size_t>(std::min(0.999999, 0.5 + beyond_plaintext(c, phase) / delta) * bins)];
  }
  check(chi_square(low) > 100, "the statistic sees an unmasked sum");
}

}  // namespace

int main() {
  full_width_mask();
  fresh_zero();
  wanted_coefficients_only();
  mask_before_switch();
  seeded_form_only();
  seeds_are_fresh();
  uniform_replies();
  return finished("attack tests");
}
