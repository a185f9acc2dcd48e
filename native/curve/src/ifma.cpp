// What is compiled for processors with AVX-512 IFMA.
#include "batch.h"
#include "field_hash.h"

#if defined(__AVX512F__) && defined(__AVX512IFMA__)

#include "ifma_field.h"

namespace espalier::curve {

namespace {

struct EightWords {
  static constexpr std::size_t kLanes = 8;
  using Word = Vector;

  ESPALIER_INLINE Word all(u64 value) { return curve::all(value); }
  ESPALIER_INLINE Word put(const u64 (&from)[8]) { return _mm512_loadu_si512(from); }
  ESPALIER_INLINE void get(Word a, u64 (&to)[8]) { _mm512_storeu_si512(to, a); }
  ESPALIER_INLINE Word add(Word a, Word b) { return curve::add(a, b); }
  ESPALIER_INLINE Word parity(Word a, Word b, Word c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
  ESPALIER_INLINE Word pick(Word e, Word f, Word g) { return _mm512_ternarylogic_epi64(e, f, g, 0xca); }
  ESPALIER_INLINE Word majority(Word a, Word b, Word c) { return _mm512_ternarylogic_epi64(a, b, c, 0xe8); }
  template <int kBits>
  ESPALIER_INLINE Word right(Word a) {
    return _mm512_ror_epi64(a, kBits);
  }
  template <int kBits>
  ESPALIER_INLINE Word shift(Word a) {
    return _mm512_srli_epi64(a, kBits);
  }
  ESPALIER_INLINE Word choose(unsigned lanes, Word a, Word b) {
    return _mm512_mask_blend_epi64(static_cast<__mmask8>(lanes), a, b);
  }
};

}  // namespace

namespace detail {

// The compiler's own test, which also asks the operating system whether it keeps the vectors' upper halves.
bool has_ifma() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
}

std::ptrdiff_t multiply_ifma(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count) {
  return Batch<Ifma>::multiply(scalar, elements, count);
}

void map_ifma(std::uint8_t* elements, std::size_t count) { Batch<Ifma>::map(elements, count); }

void hash_ifma(const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages, const std::int32_t* ends,
               std::size_t count, std::uint8_t* elements) {
  FieldHash<EightWords>(tag, tag_length).hash(messages, ends, count, elements);
}

}  // namespace detail
}  // namespace espalier::curve

#else

namespace espalier::curve::detail {

// Another processor family, or a compiler without it.
bool has_ifma() { return false; }
std::ptrdiff_t multiply_ifma(const std::uint8_t* scalar, std::uint8_t* elements, std::size_t count) {
  return multiply_portable(scalar, elements, count);
}
void map_ifma(std::uint8_t* elements, std::size_t count) { map_portable(elements, count); }
void hash_ifma(const std::uint8_t* tag, std::size_t tag_length, const std::uint8_t* messages, const std::int32_t* ends,
               std::size_t count, std::uint8_t* elements) {
  hash_portable(tag, tag_length, messages, ends, count, elements);
}

}  // namespace espalier::curve::detail

#endif
