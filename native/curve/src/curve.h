// Batched arithmetic on the u-coordinates of Curve25519, v² = u³ + 486662 u² + u over p = 2^255 − 19. All
// elements of a batch are treated alike: no branch and no address depends on an element or on the scalar.
// Elements are 32 bytes, little-endian; bit 255 is ignored and any number below 2^255 is taken (RFC 7748).
#pragma once

#include <cstddef>
#include <cstdint>

namespace espalier::curve {

constexpr std::size_t kWidth = 32;

// Elements that are computed together: they share one inversion.
constexpr std::size_t kGroup = 256;

// How it is computed; both give the same bytes.
enum class Way {
  kPortable = 0,  // five 51-bit limbs in 64-bit words
  kIfma = 1,      // eight elements at a time, five 52-bit limbs, AVX-512 IFMA
};

// Whether this processor, its operating system and this build have it.
bool available(Way way);

// X25519 (RFC 7748, section 5) of consecutive elements, in place, by one clamped scalar. Elements of low order
// become zero. Returns the number of the first element that became zero, or −1.
std::ptrdiff_t multiply(Way way, const std::uint8_t scalar[kWidth], std::uint8_t* elements, std::size_t count);

// Elligator 2 (RFC 9380, section 6.7.1, Z = 2) of consecutive field elements, in place.
void map(Way way, std::uint8_t* elements, std::size_t count);

// The u-coordinate of map_to_curve(hash_to_field(message)) of suite curve25519_XMD:SHA-512_ELL2_NU_ (RFC 9380).
// Message i is what lies between the end of the one before it, 0 for the first, and ends[i], which do not
// descend. A tag has 1 to 255 bytes. What is looked at depends on the messages' lengths alone.
void encode(Way way, const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages,
            const std::int32_t* ends, std::size_t count, std::uint8_t* elements);

// Overwrites in a way that no compiler leaves out.
void wipe(void* memory, std::size_t bytes) noexcept;

namespace detail {

// A group of up to kGroup elements, by either way. The scalar is clamped.
std::ptrdiff_t multiply_portable(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count);
void map_portable(std::uint8_t* elements, std::size_t count);
void hash_portable(const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages,
                   const std::int32_t* ends, std::size_t count, std::uint8_t* elements);
bool has_ifma();
std::ptrdiff_t multiply_ifma(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count);
void map_ifma(std::uint8_t* elements, std::size_t count);
void hash_ifma(const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages, const std::int32_t* ends,
               std::size_t count, std::uint8_t* elements);

}  // namespace detail
}  // namespace espalier::curve
