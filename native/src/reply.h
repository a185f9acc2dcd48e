// What protects a result before it may leave the house, and how the key holder reads it: the one place
// that masks and switches.
#pragma once

#include "context.h"

namespace espalier {

// Which coefficients of c0 the receiver gets.
using Wanted = std::vector<std::uint32_t>;

// Bytes of one reply with `wanted` coefficients.
std::size_t reply_part_size(const Context& context, std::size_t wanted, std::size_t reply_limbs);
void check_reply_limbs(const Context& context, std::size_t reply_limbs);

// The same of a reply with `values` for each of `columns` columns, in groups of `width` of them.
std::size_t grouped_reply_size(const Context& context, std::size_t columns, std::size_t width, std::size_t values,
                               std::size_t reply_limbs);

// Masks uniform in the whole of Z_q: `wanted` of them, limb after limb for each.
SecretVector draw_masks(const Context& context, seal::UniformRandomGenerator& random, std::size_t wanted);

// A reply that may leave the house, and this side's shares of its plaintext.
struct Reply {
  std::vector<std::uint8_t> bytes;
  SecretVector shares;  // values in [0, t): true value = decrypted + share
};

// Protects the pairs that lie one after the other in c0 and c1, given in NTT form and used up, in the only
// allowed order: fresh encryption of zero, full-width masks, modulus switch. The masks come from one stream,
// pair after pair; so do the bytes and the shares, in the order of the wanted coefficients.
Reply protect(const Ciphertext& public_key, const std::vector<Wanted>& wanted, const Seed& mask_seed,
              std::size_t reply_limbs, u64* c0, u64* c1);

// Decrypts one reply at `at`, which moves on: one value in [0, t) for each wanted coefficient.
void open_part(const SecretKey& key, const std::uint8_t* bytes, std::size_t length, std::size_t& at,
               const Wanted& wanted, std::size_t reply_limbs, u64* out);

}  // namespace espalier
