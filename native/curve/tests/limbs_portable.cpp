#include "limbs.h"
#include "portable_field.h"

namespace espalier::curve {

namespace {

struct Limits {
  static constexpr int kBits = 51;
  static constexpr Word kUsed = ~Word{0}, kReady = (Word{1} << 54) - 1, kLast = kReady, kSum = (Word{1} << 52) - 1;

  static Portable::Ready ready(const Word (&v)[5][1]) { return {{v[0][0], v[1][0], v[2][0], v[3][0], v[4][0]}}; }
  static Portable::Sum sum(const Word (&v)[5][1]) { return {{v[0][0], v[1][0], v[2][0], v[3][0], v[4][0]}}; }
};

}  // namespace

int limbs_portable() { return LimbTest<Portable, Limits>().run(4000); }

}  // namespace espalier::curve
