#include "limbs.h"

#if defined(__AVX512F__) && defined(__AVX512IFMA__)

#include "ifma_field.h"

namespace espalier::curve {

namespace {

struct Limits {
  static constexpr int kBits = 52;
  // Of what is multiplied, only the low 52 bits of a limb count.
  static constexpr Word kUsed = (Word{1} << 52) - 1, kReady = ~Word{0}, kLast = (Word{1} << 49) - 1,
                        kSum = (Word{1} << 57) - 1;

  template <typename Limbs>
  static Limbs of(const Word (&v)[5][8]) {
    Limbs out;
    for (int i = 0; i < 5; ++i) {
      out.v[i] = _mm512_loadu_si512(v[i]);
    }
    return out;
  }
  static Ifma::Ready ready(const Word (&v)[5][8]) { return of<Ifma::Ready>(v); }
  static Ifma::Sum sum(const Word (&v)[5][8]) { return of<Ifma::Sum>(v); }
};

}  // namespace

int limbs_ifma() { return LimbTest<Ifma, Limits>().run(1000); }

}  // namespace espalier::curve

#else

namespace espalier::curve {

int limbs_ifma() { return 0; }

}  // namespace espalier::curve

#endif
