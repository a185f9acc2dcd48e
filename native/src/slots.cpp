#include "slots.h"

#include <algorithm>

#include "parallel.h"

namespace espalier {

namespace {

constexpr std::size_t kBatch = ProductSums::kBatch;
constexpr std::size_t kRun = ProductSums::kRun;
constexpr std::size_t kStrip = 256;  // neighbouring values that one task takes

Wanted all(const Context& context) {
  Wanted wanted(context.degree());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = static_cast<std::uint32_t>(i);
  }
  return wanted;
}

}  // namespace

SecretVector slot_polynomial(const Context& context, const std::int32_t* values, std::size_t count) {
  if (count > context.degree() || context.plain() >> 31 == 0) {
    throw BadArgument("more values than slots, or a plaintext modulus below 2^31");
  }
  const i64 t = static_cast<i64>(context.plain());
  SecretVector out(context.degree(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    const i64 v = values[i];
    out[i] = static_cast<u64>(v + (t & (v >> 63)));
  }
  context.from_slots(out.data());
  return out;
}

SlotSum::SlotSum(std::shared_ptr<const Context> context, Path fastest)
    : context_(std::move(context)), c0_(context_->size(), 0), c1_(context_->size(), 0) {
  for (std::size_t l = 0; l < context_->limbs(); ++l) {
    sums_.emplace_back(context_->modulus(l), fastest);
  }
}

void SlotSum::add(const std::vector<std::shared_ptr<Ciphertext>>& factors, const std::int32_t* plain) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = *context_;
  const std::size_t n = c.degree();
  if (finished_ || factors.empty() || factors.size() > 1024) {
    throw BadArgument("a sum takes 1..1024 factors at a time until it is finished");
  }
  for (const auto& factor : factors) {
    if (factor->context.get() != &c) {
      throw BadArgument("the ciphertext belongs to other parameters");
    }
  }
  finished_ = true;  // until every product is in the sums
  const u64 t = c.plain(), half = t / 2;
  for (std::size_t from = 0; from < factors.size(); from += kBatch) {
    const std::size_t count = std::min(kBatch, factors.size() - from);
    SecretVector tiles(count * c.size());
    parallel(count, [&](std::size_t j) {
      const SecretVector poly = slot_polynomial(c, plain + (from + j) * n, n);
      for (std::size_t l = 0; l < c.limbs(); ++l) {
        u64* out = tiles.data() + j * c.size() + l * n;
        for (std::size_t i = 0; i < n; ++i) {
          // Centred: half as much noise. t is below every prime.
          out[i] = poly[i] + ((c.prime(l) - t) & (0 - static_cast<u64>(poly[i] > half)));
        }
        c.ntt(out, l);
      }
    });
    parallel(c.size() / kStrip, [&](std::size_t strip) {
      const std::size_t one_group[kBatch] = {};
      for (std::size_t at = strip * kStrip; at < (strip + 1) * kStrip; at += kRun) {
        const u64 *x[kBatch], *a0[kBatch], *a1[kBatch];
        for (std::size_t j = 0; j < count; ++j) {
          x[j] = tiles.data() + j * c.size() + at;
          a0[j] = factors[from + j]->c0.data() + at;
          a1[j] = factors[from + j]->c1.data() + at;
        }
        sums_[at / n].add({x, one_group, a0, a1, count, 1, c0_.data() + at, c1_.data() + at, 0});
      }
    });
  }
  finished_ = false;
}

Reply SlotSum::finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = *context_;
  check_reply_limbs(c, reply_limbs);
  if (finished_) {
    throw BadArgument("this sum is finished");
  }
  if (public_key.context.get() != &c) {
    throw BadArgument("the public key belongs to other parameters");
  }
  finished_ = true;
  Reply reply = protect(public_key, {all(c)}, mask_seed, reply_limbs, c0_.data(), c1_.data());
  c.to_slots(reply.shares.data());
  return reply;
}

std::size_t slot_reply_size(const Context& context, std::size_t reply_limbs) {
  check_reply_limbs(context, reply_limbs);
  return reply_part_size(context, context.degree(), reply_limbs);
}

SecretVector open_slots(const SecretKey& key, const std::uint8_t* bytes, std::size_t length,
                        std::size_t reply_limbs) {
  const Context& c = *key.context;
  if (length != slot_reply_size(c, reply_limbs)) {
    throw BadInput("a reply of " + std::to_string(length) + " bytes where other slots are due");
  }
  SecretVector out(c.degree());
  std::size_t at = 0;
  open_part(key, bytes, length, at, all(c), reply_limbs, out.data());
  c.to_slots(out.data());
  return out;
}

}  // namespace espalier
