#include "curve.h"

#include <algorithm>
#include <cstring>

namespace espalier::curve {

void wipe(void* memory, std::size_t bytes) noexcept {
  std::memset(memory, 0, bytes);
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

bool available(Way way) { return way == Way::kPortable || (way == Way::kIfma && detail::has_ifma()); }

std::ptrdiff_t multiply(Way way, const std::uint8_t scalar[kWidth], std::uint8_t* elements, std::size_t count) {
  std::uint8_t clamped[kWidth];
  std::memcpy(clamped, scalar, kWidth);
  clamped[0] &= 248;
  clamped[31] = static_cast<std::uint8_t>((clamped[31] & 127) | 64);
  const auto group = way == Way::kIfma ? detail::multiply_ifma : detail::multiply_portable;
  std::ptrdiff_t zero = -1;
  for (std::size_t at = 0; at < count; at += kGroup) {
    const std::ptrdiff_t here = group(clamped, elements + at * kWidth, std::min(kGroup, count - at));
    if (zero < 0 && here >= 0) {
      zero = static_cast<std::ptrdiff_t>(at) + here;
    }
  }
  wipe(clamped, kWidth);
  return zero;
}

void map(Way way, std::uint8_t* elements, std::size_t count) {
  const auto group = way == Way::kIfma ? detail::map_ifma : detail::map_portable;
  for (std::size_t at = 0; at < count; at += kGroup) {
    group(elements + at * kWidth, std::min(kGroup, count - at));
  }
}

}  // namespace espalier::curve
