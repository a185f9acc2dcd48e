#include "reply.h"

#include <algorithm>

#include "codec.h"
#include "parallel.h"
#include "seal/util/uintarithsmallmod.h"

namespace espalier {

void check_reply_limbs(const Context& context, std::size_t reply_limbs) {
  if (reply_limbs == 0 || reply_limbs > context.limbs()) {
    throw BadArgument("a reply has 1.." + std::to_string(context.limbs()) + " limbs");
  }
}

std::size_t reply_part_size(const Context& context, std::size_t wanted, std::size_t reply_limbs) {
  std::size_t size = 0;
  for (std::size_t l = 0; l < reply_limbs; ++l) {
    size += packed_size(context.degree(), context.bits(l)) + packed_size(wanted, context.bits(l));
  }
  return size;
}

std::size_t grouped_reply_size(const Context& context, std::size_t columns, std::size_t width, std::size_t values,
                               std::size_t reply_limbs) {
  const std::size_t full = columns / width, rest = columns % width;
  return full * reply_part_size(context, width * values, reply_limbs) +
         (rest == 0 ? 0 : reply_part_size(context, rest * values, reply_limbs));
}

SecretVector draw_masks(const Context& context, seal::UniformRandomGenerator& random, std::size_t wanted) {
  SecretVector masks(wanted * context.limbs());
  for (std::size_t l = 0; l < context.limbs(); ++l) {
    context.sample_residues(random, l, masks.data() + l * wanted, wanted);
  }
  return masks;
}

namespace {

// shares[i]: decrypted value i + share i = true value. Appends the bytes.
void protect_one(const Ciphertext& public_key, const Wanted& wanted, const u64* masks, std::size_t reply_limbs,
                 u64* c0, u64* c1, std::vector<std::uint8_t>& out, u64* shares) {
  const Context& c = *public_key.context;
  const std::size_t n = c.degree(), count = wanted.size();
  add_zero_encryption(public_key, wanted, c0, c1);
  SecretVector values(count * c.limbs());
  for (std::size_t i = 0; i < count; ++i) {
    u64 rho[3] = {0, 0, 0};
    for (std::size_t l = 0; l < c.limbs(); ++l) {
      rho[l] = masks[l * count + i];
      values[l * count + i] = seal::util::add_uint_mod(c0[l * n + wanted[i]], rho[l], c.modulus(l));
    }
    const u64 m = c.round_to_plain(rho, c.limbs());
    shares[i] = (c.plain() - m) & (0 - static_cast<u64>(m != 0));
  }
  for (std::size_t k = c.limbs() - 1; k >= reply_limbs; --k) {
    // Divide by prime k and round: (x − [x centred mod p_k])·p_k⁻¹ modulo each prime before it.
    auto drop = [&](u64* residues, std::size_t size) {
      const auto& last = c.modulus(k);
      const u64 half = last.value() >> 1;
      for (std::size_t l = 0; l < k; ++l) {
        const u64 p = c.prime(l);
        u64 inverse = 0;
        seal::util::try_invert_uint_mod(last.value() % p, c.modulus(l), inverse);
        const Factor one = factor(1, c.modulus(l)), by = factor(inverse, c.modulus(l));
        const u64 offset = half % p;
        for (std::size_t i = 0; i < size; ++i) {
          u64& x = residues[l * size + i];
          // Below 2p each, so that the difference is below 4p.
          const u64 shifted = multiply_lazy(seal::util::add_uint_mod(residues[k * size + i], half, last), one, p);
          const u64 lazy = multiply_lazy(x + offset + 2 * p - shifted, by, p);
          x = std::min(lazy, lazy - p);
        }
      }
    };
    drop(c1, n);
    drop(values.data(), count);
  }
  for (std::size_t l = 0; l < reply_limbs; ++l) {
    pack(c1 + l * n, n, c.bits(l), out);
    pack(values.data() + l * count, count, c.bits(l), out);
  }
}

}  // namespace

Reply protect(const Ciphertext& public_key, const std::vector<Wanted>& wanted, const Seed& mask_seed,
              std::size_t reply_limbs, u64* c0, u64* c1) {
  const Context& c = *public_key.context;
  std::vector<SecretVector> masks;
  std::vector<std::size_t> first{0};
  {
    auto random = generator(mask_seed);
    for (const Wanted& w : wanted) {
      masks.push_back(draw_masks(c, *random, w.size()));
      first.push_back(first.back() + w.size());
    }
  }
  Reply reply;
  reply.shares.resize(first.back());
  std::vector<std::vector<std::uint8_t>> parts(wanted.size());
  parallel(wanted.size(), [&](std::size_t k) {
    protect_one(public_key, wanted[k], masks[k].data(), reply_limbs, c0 + k * c.size(), c1 + k * c.size(), parts[k],
                reply.shares.data() + first[k]);
  });
  for (const auto& part : parts) {
    reply.bytes.insert(reply.bytes.end(), part.begin(), part.end());
  }
  return reply;
}

void open_part(const SecretKey& key, const std::uint8_t* bytes, std::size_t length, std::size_t& at,
               const Wanted& wanted, std::size_t reply_limbs, u64* out) {
  const Context& c = *key.context;
  const std::size_t n = c.degree(), count = wanted.size();
  SecretVector c1(n), values(count * reply_limbs);
  for (std::size_t l = 0; l < reply_limbs; ++l) {
    const auto& q = c.modulus(l);
    unpack(bytes, length, at, q, n, c1.data());
    unpack(bytes, length, at, q, count, values.data() + l * count);
    c.ntt(c1.data(), l);
    for (std::size_t i = 0; i < n; ++i) {
      c1[i] = key.times_s(c1[i], l * n + i, q);
    }
    c.inverse_ntt_limb(c1.data(), l);
    for (std::size_t i = 0; i < count; ++i) {
      u64& v = values[l * count + i];
      v = seal::util::add_uint_mod(v, c1[wanted[i]], q);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    u64 residues[3] = {0, 0, 0};
    for (std::size_t l = 0; l < reply_limbs; ++l) {
      residues[l] = values[l * count + i];
    }
    out[i] = c.round_to_plain(residues, reply_limbs);
  }
}

}  // namespace espalier
