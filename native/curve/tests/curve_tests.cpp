// RFC 7748, RFC 9380, edges of both, and both ways against each other. Java's own implementation is held against
// them in CurveTest.
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "curve.h"
#include "limbs.h"

using namespace espalier::curve;

namespace {

using Bytes = std::vector<std::uint8_t>;

int failures = 0;

void check(bool ok, const std::string& what) {
  if (!ok) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

Bytes hex(const std::string& text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return out;
}

// A number as RFC 9380 writes it.
Bytes little(const std::string& text) {
  const Bytes big = hex(text);
  return Bytes(big.rbegin(), big.rend());
}

std::vector<Way> ways() {
  std::vector<Way> out{Way::kPortable};
  if (available(Way::kIfma)) {
    out.push_back(Way::kIfma);
  } else {
    std::printf("this processor has no AVX-512 IFMA: one way only\n");
  }
  return out;
}

std::string name(Way way) { return way == Way::kIfma ? "ifma" : "portable"; }

Bytes random_bytes(std::mt19937_64& random, std::size_t count) {
  Bytes out(count);
  for (auto& b : out) {
    b = static_cast<std::uint8_t>(random());
  }
  return out;
}

// Elements at the edges of limbs of 51 and 52 bits, of p and of 2^255, and low orders with their other forms.
Bytes edges() {
  Bytes out;
  auto put = [&](const Bytes& e) { out.insert(out.end(), e.begin(), e.end()); };
  for (int bits : {51, 52}) {
    for (unsigned pattern = 0; pattern < 32; ++pattern) {
      Bytes e(kWidth, 0);
      for (int bit = 0; bit < 255; ++bit) {
        if (pattern >> (bit / bits < 4 ? bit / bits : 4) & 1u) {
          e[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(1u << (bit % 8));
        }
      }
      put(e);
    }
  }
  for (int least = 0xda; least < 0x100; ++least) {
    for (std::uint8_t top : {0x7f, 0xff}) {
      Bytes e(kWidth, 0xff);
      e[0] = static_cast<std::uint8_t>(least);
      e[31] = top;
      put(e);
    }
  }
  for (int small = 0; small < 20; ++small) {
    Bytes e(kWidth, 0);
    e[0] = static_cast<std::uint8_t>(small);
    put(e);
  }
  put(hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
  put(hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
  return out;
}

void rfc7748(Way way) {
  Bytes u = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  const Bytes k = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  check(multiply(way, k.data(), u.data(), 1) == -1 &&
            u == hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
        name(way) + ": RFC 7748, first vector");
  // The second has bit 255 set, which is ignored.
  u = hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
  const Bytes k2 = hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
  check(multiply(way, k2.data(), u.data(), 1) == -1 &&
            u == hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
        name(way) + ": RFC 7748, second vector");
  if (way != Way::kPortable) {
    return;  // the rest takes one element at a time
  }
  Bytes scalar(kWidth, 0), point;
  scalar[0] = 9;
  point = scalar;
  for (int i = 0; i < 1000; ++i) {
    Bytes next = point;
    multiply(way, scalar.data(), next.data(), 1);
    point = scalar;
    scalar = next;
    if (i == 0) {
      check(scalar == hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
            name(way) + ": RFC 7748, one iteration");
    }
  }
  check(scalar == hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
        name(way) + ": RFC 7748, a thousand iterations");
}

// Appendix J.4.2: u[0] and Q.x, all five at once.
void rfc9380(Way way) {
  const char* vectors[5][2] = {
      {"608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd",
       "51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b"},
      {"46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5",
       "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb"},
      {"235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa",
       "3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f"},
      {"001e92a544463bda9bd04ddbe3d6eed248f82de32f522669efc5ddce95f46f5b",
       "227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683"},
      {"1a68a1af9f663592291af987203393f707305c7bac9c8d63d6a729bdc553dc19",
       "3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196"},
  };
  Bytes all;
  for (auto& v : vectors) {
    const Bytes r = little(v[0]);
    all.insert(all.end(), r.begin(), r.end());
  }
  map(way, all.data(), 5);
  for (std::size_t i = 0; i < 5; ++i) {
    check(Bytes(all.begin() + static_cast<long>(i * kWidth), all.begin() + static_cast<long>((i + 1) * kWidth)) ==
              little(vectors[i][1]),
          name(way) + ": RFC 9380, vector " + std::to_string(i));
  }
  // r and −r, and 0: 1 + 2·0 gives u1 = −A, which is not on the curve, so u2 = 0.
  Bytes none(kWidth, 0);
  map(way, none.data(), 1);
  check(none == Bytes(kWidth, 0), name(way) + ": the image of 0");
}

// Appendix J.4.2: messages of all lengths in one batch, and Q.x.
void hashes(Way way) {
  const std::string tag = "QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_";
  const std::string messages[5] = {"", "abc", "abcdef0123456789", "q128_" + std::string(128, 'q'),
                                   "a512_" + std::string(512, 'a')};
  const char* points[5] = {"51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b",
                           "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb",
                           "3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f",
                           "227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683",
                           "3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196"};
  std::string all;
  std::vector<std::int32_t> ends;
  for (std::size_t i = 0; i < 23; ++i) {
    all += messages[i % 5];
    ends.push_back(static_cast<std::int32_t>(all.size()));
  }
  Bytes out(23 * kWidth);
  encode(way, reinterpret_cast<const std::uint8_t*>(tag.data()), tag.size(),
         reinterpret_cast<const std::uint8_t*>(all.data()), ends.data(), 23, out.data());
  for (std::size_t i = 0; i < 23; ++i) {
    check(std::memcmp(&out[i * kWidth], little(points[i % 5]).data(), kWidth) == 0,
          name(way) + ": RFC 9380, message " + std::to_string(i));
  }
}

// Both ways hash alike, whatever the length of message and tag: every place of the end of a block.
void hash_alike() {
  std::mt19937_64 random(11);
  Bytes text = random_bytes(random, 1 << 16), tag = random_bytes(random, 255);
  for (std::size_t tag_length : {1, 45, 46, 47, 48, 61, 86, 173, 174, 255}) {
    std::vector<std::int32_t> ends;
    std::int32_t at = 0;
    for (std::int32_t length = 0; length < 300; ++length) {
      ends.push_back(at += length);
    }
    Bytes one(ends.size() * kWidth), other(ends.size() * kWidth);
    encode(Way::kPortable, tag.data(), tag_length, text.data(), ends.data(), ends.size(), one.data());
    encode(Way::kIfma, tag.data(), tag_length, text.data(), ends.data(), ends.size(), other.data());
    check(one == other, "both ways hash alike with a tag of " + std::to_string(tag_length));
  }
}

// All forms of the elements of low order become zero, and the first of them is named, wherever it is.
void low_order(Way way) {
  std::vector<Bytes> low = {
      Bytes(kWidth, 0), hex("0100000000000000000000000000000000000000000000000000000000000000"),
      hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
      hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
      hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
      hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
      hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")};
  for (std::size_t i = 0, n = low.size(); i < n; ++i) {
    low.push_back(low[i]);
    low.back()[31] |= 0x80;
  }
  std::mt19937_64 random(3);
  const Bytes k = random_bytes(random, kWidth);
  Bytes list = random_bytes(random, low.size() * kWidth);
  for (std::size_t i = 0; i < low.size(); ++i) {
    std::memcpy(&list[i * kWidth], low[i].data(), kWidth);
  }
  check(multiply(way, k.data(), list.data(), low.size()) == 0 && list == Bytes(low.size() * kWidth, 0),
        name(way) + ": low orders become zero");
  const std::size_t count = 2 * kGroup + 13;
  for (std::size_t at : {std::size_t{0}, std::size_t{7}, std::size_t{8}, kGroup - 1, kGroup, count - 9, count - 1}) {
    Bytes many = random_bytes(random, count * kWidth);
    std::memcpy(&many[at * kWidth], low[at % low.size()].data(), kWidth);
    std::memcpy(&many[(count - 1) * kWidth], low[2].data(), kWidth);
    check(multiply(way, k.data(), many.data(), count) == static_cast<std::ptrdiff_t>(at),
          name(way) + ": names element " + std::to_string(at));
  }
}

// A batch is as its elements one by one, whatever its length.
void lengths(Way way) {
  std::mt19937_64 random(5);
  const Bytes k = random_bytes(random, kWidth);
  const Bytes elements = random_bytes(random, (kGroup + 9) * kWidth);
  Bytes singly = elements, mapped = elements;
  for (std::size_t i = 0; i < kGroup + 9; ++i) {
    multiply(Way::kPortable, k.data(), &singly[i * kWidth], 1);
    map(Way::kPortable, &mapped[i * kWidth], 1);
  }
  for (std::size_t count : {0, 1, 7, 8, 9, 17, 255, 256, 257, 265}) {
    Bytes batch = elements, images = elements;
    multiply(way, k.data(), batch.data(), count);
    map(way, images.data(), count);
    const long used = static_cast<long>(count * kWidth);
    check(std::equal(batch.begin(), batch.begin() + used, singly.begin()) &&
              std::equal(batch.begin() + used, batch.end(), elements.begin() + used) &&
              std::equal(images.begin(), images.begin() + used, mapped.begin()) &&
              std::equal(images.begin() + used, images.end(), elements.begin() + used),
          name(way) + ": a batch of " + std::to_string(count));
  }
}

// Both ways, on edges and on random elements of curve and twist, with random and extreme scalars.
void agree() {
  std::mt19937_64 random(7);
  Bytes elements = edges();
  const Bytes more = random_bytes(random, 500 * kWidth);
  elements.insert(elements.end(), more.begin(), more.end());
  const std::size_t count = elements.size() / kWidth;
  std::vector<Bytes> scalars = {Bytes(kWidth, 0), Bytes(kWidth, 0xff), Bytes(kWidth, 0xaa)};
  scalars.push_back(random_bytes(random, kWidth));
  for (const Bytes& k : scalars) {
    Bytes one = elements, other = elements;
    const auto first = multiply(Way::kPortable, k.data(), one.data(), count);
    check(first == multiply(Way::kIfma, k.data(), other.data(), count) && one == other, "both ways multiply alike");
  }
  Bytes one = elements, other = elements;
  map(Way::kPortable, one.data(), count);
  map(Way::kIfma, other.data(), count);
  check(one == other, "both ways map alike");
}

// A number below 2^255, p or more, stands for what it is modulo p, and bit 255 for nothing.
void other_forms(Way way) {
  std::mt19937_64 random(9);
  const Bytes k = random_bytes(random, kWidth);
  for (int least = 0; least < 19; ++least) {
    Bytes plain(kWidth, 0);
    plain[0] = static_cast<std::uint8_t>(least);
    Bytes above(kWidth, 0xff);
    above[0] = static_cast<std::uint8_t>(0xed + least);
    above[31] = 0x7f;
    Bytes marked = plain;
    marked[31] |= 0x80;
    Bytes images[3] = {plain, above, marked};
    for (Bytes* e : {&plain, &above, &marked}) {
      multiply(way, k.data(), e->data(), 1);
    }
    for (Bytes& e : images) {
      map(way, e.data(), 1);
    }
    check(plain == above && plain == marked && images[0] == images[1] && images[0] == images[2],
          name(way) + ": other forms of " + std::to_string(least));
  }
}

}  // namespace

int main() {
  failures += limbs_portable();
  for (Way way : ways()) {
    rfc7748(way);
    rfc9380(way);
    hashes(way);
    low_order(way);
    lengths(way);
    other_forms(way);
  }
  if (available(Way::kIfma)) {
    agree();
    failures += limbs_ifma();
    hash_alike();
  }
  std::printf(failures == 0 ? "all passed\n" : "%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
