// For any processor.
#include "field_hash.h"
#include "portable_field.h"

namespace espalier::curve {

namespace {

struct OneWord {
  static constexpr std::size_t kLanes = 1;
  using Word = u64;

  ESPALIER_INLINE Word all(u64 value) { return value; }
  ESPALIER_INLINE Word put(const u64 (&from)[1]) { return from[0]; }
  ESPALIER_INLINE void get(Word a, u64 (&to)[1]) { to[0] = a; }
  ESPALIER_INLINE Word add(Word a, Word b) { return a + b; }
  ESPALIER_INLINE Word parity(Word a, Word b, Word c) { return a ^ b ^ c; }
  ESPALIER_INLINE Word pick(Word e, Word f, Word g) { return g ^ (e & (f ^ g)); }
  ESPALIER_INLINE Word majority(Word a, Word b, Word c) { return (a & b) | (c & (a | b)); }
  template <int kBits>
  ESPALIER_INLINE Word right(Word a) {
    return a >> kBits | a << (64 - kBits);
  }
  template <int kBits>
  ESPALIER_INLINE Word shift(Word a) {
    return a >> kBits;
  }
  ESPALIER_INLINE Word choose(unsigned lanes, Word a, Word b) { return lanes != 0 ? b : a; }
};

}  // namespace

namespace detail {

std::ptrdiff_t multiply_portable(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count) {
  return Batch<Portable>::multiply(scalar, elements, count);
}

void map_portable(std::uint8_t* elements, std::size_t count) { Batch<Portable>::map(elements, count); }

void hash_portable(const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages,
                   const std::int32_t* ends, std::size_t count, std::uint8_t* elements) {
  FieldHash<OneWord>(tag, tag_length).hash(messages, ends, count, elements);
}

}  // namespace detail
}  // namespace espalier::curve
