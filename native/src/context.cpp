#include "context.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

#include "random.h"
#include "seal/util/common.h"
#include "seal/util/ntt.h"
#include "seal/util/uintarithsmallmod.h"

namespace espalier {

namespace {

seal::SEALContext make(std::size_t degree, const std::vector<seal::Modulus>& primes, u64 plain) {
  seal::EncryptionParameters parms(seal::scheme_type::bfv);
  parms.set_poly_modulus_degree(degree);
  parms.set_coeff_modulus(primes);
  parms.set_plain_modulus(plain);
  seal::SEALContext context(parms, false, seal::sec_level_type::tc128);
  if (!context.parameters_set()) {
    throw BadArgument(std::string("SEAL refuses the parameters: ") + context.parameter_error_message());
  }
  return context;
}

std::vector<seal::Modulus> checked(std::size_t degree, const std::vector<u64>& primes, u64 plain) {
  if (degree < 1024 || degree > 32768 || (degree & (degree - 1)) != 0) {
    throw BadArgument("ring degree must be a power of two in 1024..32768");
  }
  if (primes.empty() || primes.size() > 3) {
    throw BadArgument("one to three primes are supported");
  }
  std::vector<seal::Modulus> result;
  for (u64 p : primes) {
    if (p < (1ull << 32) || p >= (1ull << 60)) {
      throw BadArgument("primes must have 33 to 60 bits");
    }
    result.emplace_back(p);
  }
  if (plain < 2 || plain >= (1ull << 59)) {
    throw BadArgument("the plaintext modulus must be below 2^59");
  }
  for (u64 p : primes) {
    if (plain >= p) {
      throw BadArgument("the plaintext modulus must be below every prime");
    }
  }
  return result;
}

u64 mod_mul(u64 a, u64 b, const seal::Modulus& q) { return seal::util::multiply_uint_mod(a, b, q); }

// All ones if the condition holds, else zero; compiled without a branch.
u64 mask_if(bool condition) { return 0 - static_cast<u64>(condition); }

u64 high_half(u64 a, u64 b) { return static_cast<u64>((static_cast<u128>(a) * b) >> 64); }

}  // namespace

Context::Context(std::size_t degree, const std::vector<u64>& primes, u64 plain)
    : degree_(degree),
      plain_(plain),
      primes_(checked(degree, primes, plain)),
      seal_(make(degree, primes_, plain)),
      data_(seal_.key_context_data()) {
  const seal::Modulus t(plain_);
  u64 q_mod_t = 1;
  for (const auto& p : primes_) {
    q_mod_t = mod_mul(q_mod_t, p.value() % plain_, t);
  }
  for (std::size_t k = 1; k <= primes_.size(); ++k) {
    std::vector<u64> inverses;
    for (std::size_t l = 0; l < k; ++l) {
      u64 others = 1, inverse = 0;
      for (std::size_t j = 0; j < k; ++j) {
        others = j == l ? others : mod_mul(others, primes_[j].value() % primes_[l].value(), primes_[l]);
      }
      if (!seal::util::try_invert_uint_mod(others, primes_[l], inverse)) {
        throw BadArgument("the primes must differ");
      }
      inverses.push_back(inverse);
    }
    inverse_of_others_.push_back(std::move(inverses));
  }
  fraction_bits_ = 64;
  for (const auto& p : primes_) {
    plain_ratio_.push_back(static_cast<u64>((static_cast<u128>(plain_) << 64) / p.value()));
    reciprocal_.push_back(static_cast<u64>((static_cast<u128>(1) << (63 + p.bit_count())) / p.value()));
    fraction_bits_ = std::min(fraction_bits_, p.bit_count() - 1);
  }
  for (std::size_t l = 0; l < primes_.size(); ++l) {
    transforms_.emplace_back(degree_, data_->small_ntt_tables()[l].get_root(), primes_[l]);
    sums_.emplace_back(primes_[l]);
  }
  u64 root = 0;
  if (!t.is_prime() || !seal::util::try_minimal_primitive_root(2 * degree_, t, root)) {
    throw BadArgument("the plaintext modulus must be a prime = 1 modulo twice the degree");
  }
  plain_transform_.emplace(degree_, root, t);
  q_mod_t_ = q_mod_t;
  q_mod_t_shoup_ = static_cast<u64>((static_cast<u128>(q_mod_t_) << 64) / plain_);
  for (const auto& p : primes_) {
    // ⌊q/t⌋ = (q − q mod t)/t, and q is 0 modulo p.
    u64 inverse = 0;
    seal::util::try_invert_uint_mod(plain_ % p.value(), p, inverse);
    delta_.push_back(factor(mod_mul(p.value() - q_mod_t_ % p.value(), inverse, p), p));
  }
}

void Context::ntt(u64* values, std::size_t limb) const { ntt(values, degree_, limb); }

void Context::ntt(u64* values, std::size_t size, std::size_t limb) const {
  transforms_[limb].forward(values, size);
}

void Context::to_slots(u64* values) const { plain_transform_->forward(values, degree_); }

void Context::from_slots(u64* values) const { plain_transform_->inverse(values); }

void Context::ntt(u64* poly) const {
  for (std::size_t l = 0; l < limbs(); ++l) {
    ntt(poly + l * degree_, l);
  }
}

void Context::inverse_ntt_limb(u64* values, std::size_t limb) const {
  transforms_[limb].inverse(values);
}

void Context::inverse_ntt(u64* poly) const {
  for (std::size_t l = 0; l < limbs(); ++l) {
    inverse_ntt_limb(poly + l * degree_, l);
  }
}

// SEAL's rounding (scalingvariant.cpp): exact multiples of q/t, rounded, so that products wrap as
// multiples of q and the remainder of q modulo t never grows.
void Context::add_scaled(const u64* plain_values, u64* poly) const {
  const u64 half = (plain_ + 1) >> 1;
  for (std::size_t i = 0; i < degree_; ++i) {
    const u64 m = plain_values[i];
    // fix = floor((m·(q mod t) + half)/t): the estimate is at most one low, so that what is left is
    // below 2.5·t < 2^61 and two conditional steps finish.
    u64 fix = static_cast<u64>((static_cast<u128>(m) * q_mod_t_shoup_) >> 64);
    u64 rest = m * q_mod_t_ + half - fix * plain_;
    for (int step = 0; step < 2; ++step) {
      const u64 more = mask_if(rest >= plain_);
      rest -= plain_ & more;
      fix += more & 1;
    }
    // m and fix are below t, and t below every prime.
    for (std::size_t l = 0; l < limbs(); ++l) {
      const u64 q = primes_[l].value();
      u64& c = poly[l * degree_ + i];
      u64 sum = multiply_lazy(m, delta_[l], q) + fix + c;  // below 4q
      sum = std::min(sum, sum - 2 * q);
      c = std::min(sum, sum - q);
    }
  }
}

// x·t/q is the sum over the primes of y·t/p modulo t, where y = x·(q/p)⁻¹ modulo p: whole parts and
// fractions are added up, without a branch and without a division. The fractions have at least 32 bits, so
// that a value within 2^-30 of one half may go to either side: it is a mask's or a noise's rounding.
u64 Context::round_to_plain(const u64* residues, std::size_t limbs) const {
  u64 whole = 0, fraction = 0;
  for (std::size_t l = 0; l < limbs; ++l) {
    const auto& p = primes_[l];
    const u64 y = mod_mul(residues[l], inverse_of_others_[limbs - 1][l], p);
    u64 quotient = high_half(y, plain_ratio_[l]);
    u64 rest = y * plain_ - quotient * p.value();
    const u64 more = mask_if(rest >= p.value());
    rest -= p.value() & more;
    quotient += more & 1;
    whole += quotient;
    fraction += high_half(rest, reciprocal_[l]) >> (p.bit_count() - 1 - fraction_bits_);
  }
  whole += (fraction + (1ull << (fraction_bits_ - 1))) >> fraction_bits_;
  whole -= plain_ & mask_if(whole >= plain_);
  whole -= plain_ & mask_if(whole >= plain_);
  return whole - (plain_ & mask_if(whole >= plain_));
}

void Context::sample_uniform(seal::UniformRandomGenerator& random, u64* poly) const {
  for (std::size_t l = 0; l < limbs(); ++l) {
    sample_residues(random, l, poly + l * degree_, degree_);
  }
}

void Context::sample_residues(seal::UniformRandomGenerator& random, std::size_t limb, u64* out,
                              std::size_t count) const {
  const auto& q = primes_[limb];
  const u64 mask = (1ull << q.bit_count()) - 1;
  std::array<u64, 512> pool;
  std::size_t at = pool.size();
  for (std::size_t i = 0; i < count;) {
    if (at == pool.size()) {
      random.generate(sizeof(pool), reinterpret_cast<seal::seal_byte*>(pool.data()));
      at = 0;
    }
    u64 candidate = pool[at++] & mask;
    if (candidate < q.value()) {
      out[i++] = candidate;
    }
  }
  wipe(pool.data(), sizeof(pool));
}

namespace {

// Number of bits set, without a table: the same time for every value.
u64 ones(u64 x) {
  x -= (x >> 1) & 0x5555555555555555;
  x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return (x * 0x0101010101010101) >> 56;
}

}  // namespace

void Context::sample_error(seal::UniformRandomGenerator& random, u64* poly, std::size_t count) const {
  SecretVector coins(count);
  random.generate(count * sizeof(u64), reinterpret_cast<seal::seal_byte*>(coins.data()));
  for (std::size_t i = 0; i < count; ++i) {
    // Heads of the lower 21 coins less heads of the upper: those are 21 less their tails. Modulo 2^64.
    const u64 e = ones((coins[i] ^ 0x1fffffull << 32) & (0x1fffffull << 32 | 0x1fffff)) - 21;
    for (std::size_t l = 0; l < limbs(); ++l) {
      poly[l * degree_ + i] = e + (primes_[l].value() & (0 - (e >> 63)));
    }
  }
}

void Context::sample_ternary(seal::UniformRandomGenerator& random, u64* poly) const {
  Wiped<std::uint8_t> pool(degree_ + degree_ / 16);
  std::size_t at = pool.size();
  for (std::size_t i = 0; i < degree_;) {
    if (at == pool.size()) {
      random.generate(pool.size(), reinterpret_cast<seal::seal_byte*>(pool.data()));
      at = 0;
    }
    const u64 coin = pool[at++];
    if (coin == 255) {
      continue;  // the other 255 values fall evenly on three
    }
    const u64 v = coin - 3 * ((coin * 171) >> 9);
    for (std::size_t l = 0; l < limbs(); ++l) {
      // 0, 1 or −1.
      poly[l * degree_ + i] = (v & 1) | ((primes_[l].value() - 1) & (0 - (v >> 1)));
    }
    ++i;
  }
}

namespace {

constexpr std::size_t kCacheLine = 64, kLargePage = 2u << 20;

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  const bool large = bytes >= 2 * kLargePage;
  void* memory = nullptr;
  if (posix_memalign(&memory, large ? kLargePage : kCacheLine, bytes) != 0) {
    throw std::bad_alloc();
  }
#if defined(MADV_HUGEPAGE)
  if (large) {
    madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: what the system makes of it changes nothing but time
  }
#endif
  return memory;
}

void free_aligned(void* memory) noexcept { std::free(memory); }

void wipe(void* memory, std::size_t bytes) noexcept { seal::util::seal_memzero(memory, bytes); }

std::shared_ptr<seal::UniformRandomGenerator> generator(const Seed& seed) {
  seal::prng_seed_type words;
  static_assert(sizeof(words) == kSeedBytes);
  std::memcpy(words.data(), seed.data(), kSeedBytes);
  auto result = std::make_shared<FastBlake2xb>(words);
  wipe(words.data(), kSeedBytes);
  return result;
}

std::shared_ptr<seal::UniformRandomGenerator> secret_generator() {
  Seed seed = fresh_seed();
  auto result = generator(seed);
  wipe(seed.data(), seed.size());
  return result;
}

Seed fresh_seed() {
  Seed seed;
  seal::random_bytes(reinterpret_cast<seal::seal_byte*>(seed.data()), seed.size());
  return seed;
}

SecretKey::SecretKey(std::shared_ptr<const Context> c) : context(std::move(c)) {
  // SEAL keeps its own copy in a pool that it overwrites on release.
  seal::KeyGenerator generate(context->seal());
  const auto& key = generate.secret_key();
  s.assign(key.data().data(), key.data().data() + context->size());
  prepare();
}

SecretKey::SecretKey(std::shared_ptr<const Context> c, const Seed& seed) : context(std::move(c)), s(context->size()) {
  context->sample_ternary(*generator(seed), s.data());
  context->ntt(s.data());
  prepare();
}

void SecretKey::prepare() {
  s_quotient_.resize(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    s_quotient_[i] = factor(s[i], context->modulus(i / context->degree())).quotient;
  }
}

Seeded encrypt(const SecretKey& key, const SecretVector& values) {
  const Context& c = *key.context;
  const std::size_t n = c.degree();
  if (!values.empty() && values.size() != n) {
    throw BadArgument("a plaintext has one value a coefficient");
  }
  Seeded out{fresh_seed(), std::vector<u64>(c.size())};
  c.sample_error(*secret_generator(), out.c0.data(), n);
  if (!values.empty()) {
    c.add_scaled(values.data(), out.c0.data());
  }
  c.ntt(out.c0.data());
  std::vector<u64> a(c.size());
  c.sample_uniform(*generator(out.seed), a.data());
  for (std::size_t l = 0; l < c.limbs(); ++l) {
    const auto& q = c.modulus(l);
    for (std::size_t i = l * n; i < (l + 1) * n; ++i) {
      const u64 as = key.times_s(a[i], i, q);
      out.c0[i] = seal::util::sub_uint_mod(out.c0[i], as, q);
    }
  }
  return out;
}

Ciphertext expand(std::shared_ptr<const Context> context, const Seed& seed, std::vector<u64> c0) {
  Ciphertext out{context, std::move(c0), std::vector<u64>(context->size())};
  context->sample_uniform(*generator(seed), out.c1.data());
  return out;
}

void add_zero_encryption(const Ciphertext& public_key, const std::vector<std::uint32_t>& wanted, u64* c0,
                         u64* c1) {
  const Context& c = *public_key.context;
  const std::size_t n = c.degree();
  auto random = secret_generator();
  SecretVector u(c.size()), e0(c.size()), e1(c.size());
  c.sample_ternary(*random, u.data());
  c.sample_error(*random, e0.data(), wanted.size());
  c.sample_error(*random, e1.data(), n);
  c.ntt(u.data());
  for (std::size_t i = 0; i < c.size(); i += ProductSums::kRun) {
    const u64 *x = u.data() + i, *a = public_key.c0.data() + i, *b = public_key.c1.data() + i;
    const std::size_t one_group = 0;
    c.sums(i / n).add({&x, &one_group, &a, &b, 1, 1, c0 + i, c1 + i, 0});
  }
  c.inverse_ntt(c0);
  c.inverse_ntt(c1);
  for (std::size_t l = 0; l < c.limbs(); ++l) {
    const auto& q = c.modulus(l);
    for (std::size_t i = l * n; i < (l + 1) * n; ++i) {
      c1[i] = seal::util::add_uint_mod(c1[i], e1[i], q);
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      u64& value = c0[l * n + wanted[i]];
      value = seal::util::add_uint_mod(value, e0[l * n + i], q);
    }
  }
}

}  // namespace espalier
