#include "codec.h"

#include <algorithm>
#include <cstring>

namespace espalier {

std::size_t packed_size(std::size_t count, int bits) { return (count * bits + 7) / 8; }

void pack(const u64* values, std::size_t count, int bits, std::vector<std::uint8_t>& out) {
  std::size_t at = out.size();
  out.resize(at + packed_size(count, bits));
  u64 word = 0;
  int held = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const u64 value = values[i];
    word |= value << held;
    held += bits;
    if (held >= 64) {
      std::memcpy(out.data() + at, &word, 8);
      at += 8;
      held -= 64;
      // What did not fit; bits < 64, so that nothing is left where the value fitted exactly.
      word = value >> (bits - held);
    }
  }
  for (; held > 0; held -= 8, word >>= 8) {
    out[at++] = static_cast<std::uint8_t>(word);
  }
}

void unpack(const std::uint8_t* bytes, std::size_t length, std::size_t& at, const seal::Modulus& modulus,
            std::size_t count, u64* values) {
  const int bits = modulus.bit_count();
  const std::size_t size = packed_size(count, bits);
  if (at > length || size > length - at) {
    throw BadInput("residues end early");
  }
  const u64 mask = (1ull << bits) - 1;
  const std::uint8_t* from = bytes + at;
  at += size;
  bool below = true;
  for (std::size_t i = 0, bit = 0; i < count; ++i, bit += bits) {
    // A value lies within nine bytes.
    const std::size_t byte = bit / 8, shift = bit % 8;
    u64 word = 0, next = 0;
    if (byte + 9 <= size) {
      std::memcpy(&word, from + byte, 8);
      next = from[byte + 8];
    } else {
      std::memcpy(&word, from + byte, std::min<std::size_t>(8, size - byte));
    }
    values[i] = (word >> shift | next << 1 << (63 - shift)) & mask;
    below &= values[i] < modulus.value();
  }
  if (!below) {
    const u64* first = std::find_if(values, values + count, [&](u64 v) { return v >= modulus.value(); });
    throw BadInput("residue " + std::to_string(first - values) + " is not below its modulus");
  }
  const std::size_t used = count * bits % 8;
  if (used != 0 && from[size - 1] >> used != 0) {
    throw BadInput("padding bits are set");
  }
}

std::size_t seeded_size(const Context& context) {
  std::size_t size = kSeedBytes;
  for (std::size_t l = 0; l < context.limbs(); ++l) {
    size += packed_size(context.degree(), context.bits(l));
  }
  return size;
}

std::vector<std::uint8_t> write_seeded(const Context& context, const Seeded& value) {
  std::vector<std::uint8_t> out(value.seed.begin(), value.seed.end());
  out.reserve(seeded_size(context));
  for (std::size_t l = 0; l < context.limbs(); ++l) {
    pack(value.c0.data() + l * context.degree(), context.degree(), context.bits(l), out);
  }
  return out;
}

Ciphertext read_seeded(std::shared_ptr<const Context> context, const std::uint8_t* bytes, std::size_t length) {
  if (length != seeded_size(*context)) {
    throw BadInput("ciphertext has " + std::to_string(length) + " bytes, not " +
                   std::to_string(seeded_size(*context)));
  }
  Seed seed;
  std::memcpy(seed.data(), bytes, kSeedBytes);
  std::size_t at = kSeedBytes;
  std::vector<u64> c0(context->size());
  for (std::size_t l = 0; l < context->limbs(); ++l) {
    unpack(bytes, length, at, context->modulus(l), context->degree(), c0.data() + l * context->degree());
  }
  return expand(std::move(context), seed, std::move(c0));
}

}  // namespace espalier
