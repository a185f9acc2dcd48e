// Residues on the wire: bit-packed, least significant bit first, every one checked on the way in.
#pragma once

#include "context.h"

namespace espalier {

// Bytes that `count` values of `bits` bits take.
std::size_t packed_size(std::size_t count, int bits);

void pack(const u64* values, std::size_t count, int bits, std::vector<std::uint8_t>& out);

// Reads `count` residues below `modulus` at `at`, which moves on. Throws BadInput naming the index.
void unpack(const std::uint8_t* bytes, std::size_t length, std::size_t& at, const seal::Modulus& modulus,
            std::size_t count, u64* values);

// Seed followed by every limb of c0.
std::vector<std::uint8_t> write_seeded(const Context& context, const Seeded& value);
std::size_t seeded_size(const Context& context);
Ciphertext read_seeded(std::shared_ptr<const Context> context, const std::uint8_t* bytes, std::size_t length);

}  // namespace espalier
