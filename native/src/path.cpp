#include "path.h"

#include <cstddef>

#include "wide.h"

namespace espalier {

std::string name_of(Path path) {
  static constexpr const char* names[] = {"scalar", "avx2", "avx512", "ifma"};
  return names[static_cast<std::size_t>(path)];
}

std::vector<Path> paths() {
  std::vector<Path> result{Path::kScalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) {
    result.push_back(Path::kAvx2);
  }
  if (vec::supported()) {
    result.push_back(Path::kAvx512);
    if (__builtin_cpu_supports("avx512ifma")) {
      result.push_back(Path::kIfma);
    }
  }
#endif
  return result;
}

}  // namespace espalier
