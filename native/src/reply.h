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

// Masks uniform in the whole of Z_q: `wanted` of them, limb after limb for each.
SecretVector draw_masks(const Context& context, seal::UniformRandomGenerator& random, std::size_t wanted);

// Protects (c0, c1), given in NTT form and used up, in the only allowed order: fresh encryption of zero,
// full-width mask, modulus switch; appends the bytes. shares[i]: decrypted value i + share i = true value.
void protect(const Ciphertext& public_key, const Wanted& wanted, const u64* masks, std::size_t reply_limbs,
             u64* c0, u64* c1, std::vector<std::uint8_t>& out, u64* shares);

// Decrypts one reply at `at`, which moves on: one value in [0, t) for each wanted coefficient.
void open_part(const SecretKey& key, const std::uint8_t* bytes, std::size_t length, std::size_t& at,
               const Wanted& wanted, std::size_t reply_limbs, u64* out);

}  // namespace espalier
