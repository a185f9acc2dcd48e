// hash_to_field of suite curve25519_XMD:SHA-512_ELL2_NU_ (RFC 9380, sections 5.2 and 5.3.1, count 1), for kLanes
// messages at once. Words is a way to compute with one 64-bit word of each. SHA-512 is that of FIPS 180-4.
#pragma once

#include <cstring>

#include "curve.h"

namespace espalier::curve {

constexpr std::size_t kBlock = 128;
constexpr std::size_t kUniform = 48;

extern const std::uint64_t kSha512Start[8];
extern const std::uint64_t kSha512Rounds[80];

template <typename Words>
class FieldHash {
 public:
  static constexpr std::size_t kLanes = Words::kLanes;
  using Word = typename Words::Word;

  FieldHash(const std::uint8_t* tag, std::size_t tag_length) {
    std::uint8_t* at = first_;
    *at++ = 0;
    *at++ = kUniform;
    *at++ = 0;
    at = prime(at, tag, tag_length);
    *at++ = 0x80;
    first_length_ = static_cast<std::size_t>(at - first_);
    at = second_;
    *at++ = 1;
    at = prime(at, tag, tag_length);
    *at++ = 0x80;
    second_length_ = static_cast<std::size_t>(at - second_);
    // All messages begin with a block of zeros.
    for (int i = 0; i < 8; ++i) {
      start_[i] = padded_[i] = Words::all(kSha512Start[i]);
    }
    std::memset(blocks_, 0, sizeof blocks_);
    compress(padded_);
  }

  ~FieldHash() { wipe(blocks_, sizeof blocks_); }

  // Writes a number below 2^255 for each message; see encode.
  void hash(const std::uint8_t* bytes, const std::int32_t* ends, std::size_t count, std::uint8_t* elements) {
    for (std::size_t at = 0; at < count; at += kLanes) {
      const std::size_t used = least(kLanes, count - at);
      const std::uint8_t* messages[kLanes];
      std::size_t lengths[kLanes], most = 0;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t i = at + least(lane, used - 1);
        const std::size_t from = i == 0 ? 0 : static_cast<std::size_t>(ends[i - 1]);
        messages[lane] = bytes + from;
        lengths[lane] = static_cast<std::size_t>(ends[i]) - from;
        most = largest(most, blocks(lengths[lane] + first_length_));
      }
      Word state[8];
      copy(padded_, state);
      for (std::size_t block = 0; block < most; ++block) {
        Word next[8];
        copy(state, next);
        unsigned running = 0;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          if (block < blocks(lengths[lane] + first_length_)) {
            running |= 1u << lane;
            fill(lane, block, messages[lane], lengths[lane], first_, first_length_, kBlock);
          }
        }
        compress(next);
        for (int i = 0; i < 8; ++i) {
          state[i] = Words::choose(running, state[i], next[i]);
        }
      }
      std::uint8_t zeroth[kLanes][64];
      for (std::size_t i = 0; i < 8; ++i) {
        std::uint64_t words[kLanes];
        Words::get(state[i], words);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          store_big(zeroth[lane] + 8 * i, words[lane]);
        }
      }
      copy(start_, state);
      for (std::size_t block = 0; block < blocks(64 + second_length_); ++block) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          fill(lane, block, zeroth[lane], 64, second_, second_length_, 0);
        }
        compress(state);
      }
      std::uint64_t words[6][kLanes];
      for (int i = 0; i < 6; ++i) {
        Words::get(state[i], words[i]);
      }
      for (std::size_t lane = 0; lane < used; ++lane) {
        std::uint64_t number[6];
        for (int i = 0; i < 6; ++i) {
          number[i] = words[5 - i][lane];
        }
        reduce(number, elements + (at + lane) * kWidth);
      }
      wipe(zeroth, sizeof zeroth);
      wipe(words, sizeof words);
    }
  }

 private:
  static std::uint8_t* prime(std::uint8_t* at, const std::uint8_t* tag, std::size_t length) {
    std::memcpy(at, tag, length);
    at += length;
    *at++ = static_cast<std::uint8_t>(length);
    return at;
  }

  // Not the library's: what it has for all would be compiled for one processor here.
  static std::size_t least(std::size_t a, std::size_t b) { return a < b ? a : b; }
  static std::size_t largest(std::size_t a, std::size_t b) { return a < b ? b : a; }
  static void copy(const Word (&from)[8], Word (&to)[8]) {
    for (int i = 0; i < 8; ++i) {
      to[i] = from[i];
    }
  }

  // Of a message with its first byte of padding: 16 more say how long it is.
  static std::size_t blocks(std::size_t length) { return (length + 16 + kBlock - 1) / kBlock; }

  static void store_big(std::uint8_t* to, std::uint64_t word) {
    for (int i = 7; i >= 0; --i, word >>= 8) {
      to[i] = static_cast<std::uint8_t>(word);
    }
  }

  // A block of one lane of: message, tail (whose last byte begins the padding), zeros, length in bits; `before` is
  // how many bytes were hashed before them.
  void fill(std::size_t lane, std::size_t block, const std::uint8_t* message, std::size_t length,
            const std::uint8_t* tail, std::size_t tail_length, std::size_t before) {
    std::uint8_t bytes[kBlock] = {};
    const std::size_t from = block * kBlock, to = from + kBlock, end = length + tail_length;
    if (from < length) {
      std::memcpy(bytes, message + from, least(to, length) - from);
    }
    if (from < end && to > length) {
      const std::size_t first = largest(from, length);
      std::memcpy(bytes + (first - from), tail + (first - length), least(to, end) - first);
    }
    if (block + 1 == blocks(end)) {
      store_big(bytes + kBlock - 8, 8 * static_cast<std::uint64_t>(before + end - 1));
    }
    for (std::size_t i = 0; i < 16; ++i) {
      std::uint64_t word = 0;
      for (std::size_t j = 0; j < 8; ++j) {
        word = word << 8 | bytes[8 * i + j];
      }
      blocks_[i][lane] = word;
    }
    wipe(bytes, sizeof bytes);
  }

  void compress(Word (&state)[8]) const {
    Word w[16], s[8];
    for (int i = 0; i < 16; ++i) {
      w[i] = Words::put(blocks_[i]);
    }
    copy(state, s);
    for (int round = 0; round < 80; round += 16) {
      for (int i = 0; i < 16; ++i) {
        if (round > 0) {
          const Word a = w[(i + 1) & 15], b = w[(i + 14) & 15];
          const Word low = Words::parity(Words::template right<1>(a), Words::template right<8>(a), Words::template shift<7>(a));
          const Word high = Words::parity(Words::template right<19>(b), Words::template right<61>(b), Words::template shift<6>(b));
          w[i] = Words::add(Words::add(w[i], low), Words::add(w[(i + 9) & 15], high));
        }
        const Word e = s[(4 - i) & 7], a = s[(0 - i) & 7];
        Word& d = s[(3 - i) & 7];
        Word& h = s[(7 - i) & 7];
        const Word sum1 = Words::parity(Words::template right<14>(e), Words::template right<18>(e), Words::template right<41>(e));
        const Word t1 = Words::add(
            Words::add(Words::add(h, sum1), Words::add(Words::all(kSha512Rounds[round + i]), w[i])),
            Words::pick(e, s[(5 - i) & 7], s[(6 - i) & 7]));
        const Word sum0 = Words::parity(Words::template right<28>(a), Words::template right<34>(a), Words::template right<39>(a));
        d = Words::add(d, t1);
        h = Words::add(t1, Words::add(sum0, Words::majority(a, s[(1 - i) & 7], s[(2 - i) & 7])));
      }
    }
    for (int i = 0; i < 8; ++i) {
      state[i] = Words::add(state[i], s[i]);
    }
  }

  // 384 bits, least significant word first, modulo p but for another p at most: below 2^255.
  static void reduce(const std::uint64_t (&n)[6], std::uint8_t* out) {
    using u128 = unsigned __int128;
    constexpr std::uint64_t kLast = (std::uint64_t{1} << 63) - 1;
    const std::uint64_t high[3] = {n[3] >> 63 | n[4] << 1, n[4] >> 63 | n[5] << 1, n[5] >> 63};
    std::uint64_t x[4] = {n[0], n[1], n[2], n[3] & kLast};
    u128 carry = 0;
    for (int i = 0; i < 4; ++i) {
      carry += static_cast<u128>(i < 3 ? high[i] : 0) * 19 + x[i];
      x[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    // Above 2^255 by less than 2^134, if at all.
    carry = (x[3] >> 63) * 19;
    x[3] &= kLast;
    for (int i = 0; i < 4; ++i) {
      carry += x[i];
      x[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
      for (int j = 0; j < 8; ++j) {
        out[8 * i + j] = static_cast<std::uint8_t>(x[i] >> (8 * j));
      }
    }
  }

  // What follows a message, and what follows b_0.
  std::uint8_t first_[3 + 255 + 2], second_[1 + 255 + 2];
  std::size_t first_length_, second_length_;
  Word start_[8], padded_[8];
  alignas(64) std::uint64_t blocks_[16][kLanes];
};

}  // namespace espalier::curve
