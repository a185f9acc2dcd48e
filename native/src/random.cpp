#include "random.h"

#include <cstring>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "seeds and residues are read as little-endian words"
#endif

namespace espalier {

namespace {

constexpr u64 kStart[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                           0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

constexpr std::uint8_t kOrder[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

constexpr std::size_t kNodeBytes = 64, kBlockBytes = 128, kBufferBytes = 4096;

// BLAKE2b's compression (RFC 7693) of one block, or of several beside each other: Word is a 64-bit integer or
// a vector of them. `length` counts the bytes of the message so far.
template <typename Word>
__attribute__((always_inline)) inline void compress(Word* h, const Word* m, u64 length, bool last) {
  const Word zero = {};
  Word v[16] = {};
  for (int i = 0; i < 8; ++i) {
    v[i] = h[i];
    v[i + 8] = zero + kStart[i];
  }
  v[12] ^= length;
  v[14] ^= last ? ~u64{0} : 0;
  for (const auto& order : kOrder) {
    auto mix = [&](int a, int b, int c, int d, int i) __attribute__((always_inline)) {
      v[a] += v[b] + m[order[2 * i]];
      v[d] ^= v[a];
      v[d] = (v[d] >> 32) | (v[d] << 32);
      v[c] += v[d];
      v[b] ^= v[c];
      v[b] = (v[b] >> 24) | (v[b] << 40);
      v[a] += v[b] + m[order[2 * i + 1]];
      v[d] ^= v[a];
      v[d] = (v[d] >> 16) | (v[d] << 48);
      v[c] += v[d];
      v[b] ^= v[c];
      v[b] = (v[b] >> 63) | (v[b] << 1);
    };
    mix(0, 4, 8, 12, 0);
    mix(1, 5, 9, 13, 1);
    mix(2, 6, 10, 14, 2);
    mix(3, 7, 11, 15, 3);
    mix(0, 5, 10, 15, 4);
    mix(1, 6, 11, 12, 5);
    mix(2, 7, 8, 13, 6);
    mix(3, 4, 9, 14, 7);
  }
  for (int i = 0; i < 8; ++i) {
    h[i] ^= v[i] ^ v[i + 8];
  }
}

// The parameter block's first words: digest and key length, fanout, depth and leaf length; offset of the node
// and length of the whole output; depth of the node and inner length.
struct Shape {
  u64 first, second, third;
};
constexpr Shape kRoot{kNodeBytes | kSeedBytes << 8 | 1 << 16 | 1 << 24, static_cast<u64>(kBufferBytes) << 32, 0};
constexpr Shape kNode{kNodeBytes | static_cast<u64>(kNodeBytes) << 32, static_cast<u64>(kBufferBytes) << 32,
                      kNodeBytes << 8};

// All nodes of a buffer: hashes of the root, each with its own offset.
template <typename Word, std::size_t kLanes>
__attribute__((always_inline)) inline void nodes(const u64* root, std::uint8_t* out) {
  const Word zero = {};
  Word m[16], h[8];
  for (int i = 0; i < 8; ++i) {
    m[i] = zero + root[i];
    m[i + 8] = zero;
  }
  for (std::size_t from = 0; from < kBufferBytes / kNodeBytes; from += kLanes) {
    u64 lanes[8][kLanes];
    for (std::size_t j = 0; j < kLanes; ++j) {
      lanes[0][j] = kStart[1] ^ kNode.second ^ (from + j);
    }
    for (int i = 0; i < 8; ++i) {
      h[i] = zero + kStart[i];
    }
    h[0] ^= kNode.first;
    std::memcpy(&h[1], lanes[0], sizeof(Word));
    h[2] ^= kNode.third;
    compress(h, m, kNodeBytes, true);
    std::memcpy(lanes, h, sizeof(lanes));
    for (std::size_t j = 0; j < kLanes; ++j) {
      for (std::size_t i = 0; i < 8; ++i) {
        std::memcpy(out + (from + j) * kNodeBytes + i * 8, &lanes[i][j], 8);
      }
    }
    wipe(lanes, sizeof(lanes));
  }
}

#if defined(__x86_64__)
typedef u64 Four __attribute__((vector_size(32)));
typedef u64 Eight __attribute__((vector_size(64)));

__attribute__((target("avx2"))) void four_nodes(const u64* root, std::uint8_t* out) { nodes<Four, 4>(root, out); }
__attribute__((target("avx512f"))) void eight_nodes(const u64* root, std::uint8_t* out) {
  nodes<Eight, 8>(root, out);
}
#endif

}  // namespace

std::size_t FastBlake2xb::most_lanes() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") ? 8 : __builtin_cpu_supports("avx2") ? 4 : 1;
#else
  return 1;
#endif
}

FastBlake2xb::FastBlake2xb(const seal::prng_seed_type& seed, std::size_t lanes)
    : seal::UniformRandomGenerator(seed), lanes_(lanes) {
  static_assert(sizeof(seed) == kSeedBytes);
  if (buffer_size_ != kBufferBytes) {
    throw std::logic_error("this version of SEAL draws other amounts at a time");
  }
  u64 key[kBlockBytes / 8] = {};
  std::memcpy(key, seed.data(), kSeedBytes);
  std::memcpy(keyed_, kStart, sizeof(keyed_));
  keyed_[0] ^= kRoot.first;
  keyed_[1] ^= kRoot.second;
  compress(keyed_, key, kBlockBytes, false);
  wipe(key, sizeof(key));
}

FastBlake2xb::~FastBlake2xb() { wipe(keyed_, sizeof(keyed_)); }

void FastBlake2xb::refill_buffer() {
  u64 root[8];
  std::memcpy(root, keyed_, sizeof(root));
  const u64 message[kBlockBytes / 8] = {counter_++};
  compress(root, message, kBlockBytes + sizeof(counter_), true);
  auto* out = reinterpret_cast<std::uint8_t*>(buffer_begin_);
#if defined(__x86_64__)
  if (lanes_ == 8) {
    eight_nodes(root, out);
  } else if (lanes_ == 4) {
    four_nodes(root, out);
  } else {
    nodes<u64, 1>(root, out);
  }
#else
  nodes<u64, 1>(root, out);
#endif
  wipe(root, sizeof(root));
}

}  // namespace espalier
