// Parameters, keys and the arithmetic of R_q that Espalier adds to SEAL.
//
// SEAL supplies parameter validation, primes, NTT, the random generator and the secret key. Encryption,
// masking and rounding are done here because every residue that crosses a border must be seeded, bit-packed
// and range-checked, and because all primes of the context are used as data modulus: nothing is ever
// relinearised or rotated, so no special prime is set aside.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <vector>

#include "seal/seal.h"
#include "products.h"

namespace espalier {

using u64 = std::uint64_t;
using i64 = std::int64_t;
using u128 = unsigned __int128;

constexpr std::size_t kSeedBytes = 64;
using Seed = std::array<std::uint8_t, kSeedBytes>;

// Overwrites memory in a way that the optimiser keeps.
void wipe(void* memory, std::size_t bytes) noexcept;

// Memory on lines of the cache of their own; much of it in large pages where the system has them.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* memory) noexcept;

// Memory that is overwritten before it goes back: secret keys, coins, plaintexts, masks, and sums
// that are not masked yet.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    return static_cast<T*>(allocate_aligned(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    free_aligned(memory);
  }
  template <typename U>
  bool operator==(const WipingAllocator<U>&) const noexcept { return true; }
  template <typename U>
  bool operator!=(const WipingAllocator<U>&) const noexcept { return false; }
};
template <typename T>
using Wiped = std::vector<T, WipingAllocator<T>>;
using SecretVector = Wiped<u64>;

// Room for secrets that are written before they are read: nothing clears it first.
class SecretRoom {
 public:
  SecretRoom() = default;
  explicit SecretRoom(std::size_t count) : memory_(WipingAllocator<u64>().allocate(count), Wipe{count}) {}
  u64* data() { return memory_.get(); }
  const u64* data() const { return memory_.get(); }

 private:
  struct Wipe {
    std::size_t count;
    void operator()(u64* memory) const noexcept { WipingAllocator<u64>().deallocate(memory, count); }
  };
  std::unique_ptr<u64, Wipe> memory_;
};

// What a caller did wrong, as opposed to what a peer sent.
struct BadArgument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What a peer sent that must not be used.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A ring R_q = Z_q[x]/(x^N + 1), q the product of one to three primes ("limbs"), and a plaintext modulus t.
class Context {
 public:
  Context(std::size_t degree, const std::vector<u64>& primes, u64 plain);

  std::size_t degree() const { return degree_; }
  std::size_t limbs() const { return primes_.size(); }
  u64 prime(std::size_t limb) const { return primes_[limb].value(); }
  int bits(std::size_t limb) const { return primes_[limb].bit_count(); }
  const seal::Modulus& modulus(std::size_t limb) const { return primes_[limb]; }
  u64 plain() const { return plain_; }
  // The fastest way to sum products modulo a prime.
  const ProductSums& sums(std::size_t limb) const { return sums_[limb]; }
  // Degree times limbs: the length of one polynomial.
  std::size_t size() const { return degree_ * primes_.size(); }
  const seal::SEALContext& seal() const { return seal_; }

  // Transforms of all limbs, or of one.
  void ntt(u64* poly) const;
  void inverse_ntt(u64* poly) const;
  void ntt(u64* limb_values, std::size_t limb) const;
  void inverse_ntt_limb(u64* limb_values, std::size_t limb) const;
  // Of a polynomial in x^(degree/size), see Transform.
  void ntt(u64* values, std::size_t size, std::size_t limb) const;
  // Between the coefficients of a plaintext and its slots: products of plaintexts are slot by slot.
  void to_slots(u64* values) const;
  void from_slots(u64* values) const;

  // Adds round(q·m/t) to each coefficient in place; m in [0, t). Coefficient form. Like everything
  // here that sees plaintexts, keys or masks it takes the same steps whatever their values.
  void add_scaled(const u64* plain_values, u64* poly) const;
  // round(t·x/q) mod t of one coefficient, given modulo the first `limbs` primes.
  u64 round_to_plain(const u64* residues, std::size_t limbs) const;

  void sample_uniform(seal::UniformRandomGenerator& random, u64* poly) const;
  // `count` residues of one prime.
  void sample_residues(seal::UniformRandomGenerator& random, std::size_t limb, u64* out, std::size_t count) const;
  // The first `count` coefficients: centred binomial of 21 coins a side, |e| ≤ 21, deviation 3.24, as
  // SEAL samples errors.
  void sample_error(seal::UniformRandomGenerator& random, u64* poly, std::size_t count) const;
  // Uniform in {−1, 0, 1}.
  void sample_ternary(seal::UniformRandomGenerator& random, u64* poly) const;

 private:
  std::size_t degree_;
  u64 plain_;
  std::vector<seal::Modulus> primes_;
  seal::SEALContext seal_;
  std::shared_ptr<const seal::SEALContext::ContextData> data_;
  std::vector<Transform> transforms_;
  std::vector<ProductSums> sums_;
  std::vector<Factor> delta_;  // floor(q/t) mod each prime
  u64 q_mod_t_;
  u64 q_mod_t_shoup_;  // floor(2^64·(q mod t)/t)
  // For the first k primes, of each the inverse of the product of the others: at [k − 1][l].
  std::vector<std::vector<u64>> inverse_of_others_;
  // ⌊2^64·t/p⌋ and ⌊2^(63 + bits)/p⌋ of each prime p.
  std::vector<u64> plain_ratio_, reciprocal_;
  int fraction_bits_ = 0;
  std::optional<Transform> plain_transform_;
};

// Expands a seed by BLAKE2Xb.
std::shared_ptr<seal::UniformRandomGenerator> generator(const Seed& seed);
// Expands a fresh secret seed that nobody else ever sees.
std::shared_ptr<seal::UniformRandomGenerator> secret_generator();
// From the operating system.
Seed fresh_seed();

struct SecretKey {
  explicit SecretKey(std::shared_ptr<const Context> context);
  // The key that a secret seed stands for: the same one every time.
  SecretKey(std::shared_ptr<const Context> context, const Seed& seed);
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;

  std::shared_ptr<const Context> context;
  SecretVector s;  // NTT form

  // x·s modulo q at place i of the NTT form, q the prime of that place.
  u64 times_s(u64 x, std::size_t i, const seal::Modulus& q) const {
    const u64 lazy = multiply_lazy(x, {s[i], s_quotient_[i]}, q.value());
    return std::min(lazy, lazy - q.value());
  }

 private:
  void prepare();

  SecretVector s_quotient_;
};

// A pair (c0, c1) in NTT form whose uniform half c1 is expanded from a seed.
struct Ciphertext {
  std::shared_ptr<const Context> context;
  std::vector<u64> c0, c1;
};

// Encryption of zero under the secret key, seeded: also serves as public key.
struct Seeded {
  Seed seed;
  std::vector<u64> c0;  // NTT form
};

// values[i] in [0, t), coefficient i of the plaintext; all N of them, or none for zero.
Seeded encrypt(const SecretKey& key, const SecretVector& values);
Ciphertext expand(std::shared_ptr<const Context> context, const Seed& seed, std::vector<u64> c0);

// Adds a fresh encryption of zero under a public key (an encryption of zero itself): from NTT form to
// coefficient form, which is where its errors belong. c0 gets errors in its wanted coefficients; the
// others must not be sent.
void add_zero_encryption(const Ciphertext& public_key, const std::vector<std::uint32_t>& wanted, u64* c0, u64* c1);

}  // namespace espalier
