#include "matrix.h"

#include <algorithm>

#include "codec.h"
#include "parallel.h"
#include "seal/util/uintarithsmallmod.h"

namespace espalier {

namespace {

constexpr std::size_t kBatch = 16;  // 2^60·2^60·16 < 2^128
constexpr std::size_t kStrip = 64;  // neighbouring values that one task takes

u64 reduce(u128 sum, const seal::Modulus& q) {
  u64 words[2] = {static_cast<u64>(sum), static_cast<u64>(sum >> 64)};
  return seal::util::barrett_reduce_128(words, q);
}

void check_used(const Lanes& lanes, std::size_t used) {
  if (used == 0 || used > lanes.lanes) {
    throw BadArgument("1.." + std::to_string(lanes.lanes) + " vectors fit these lanes");
  }
}

void check_rows(const Context& context, const Lanes& lanes, std::size_t rows) {
  if (rows == 0 || rows > lanes.rows_per_block(context)) {
    throw BadArgument("a block holds 1.." + std::to_string(lanes.rows_per_block(context)) + " rows");
  }
}

void check_columns(std::size_t columns) {
  if (columns == 0 || columns > (1u << 20)) {
    throw BadArgument("a matrix has 1..2^20 columns");
  }
}

void check_value(const Context& context, u64 value) {
  if (value >= context.plain()) {
    throw BadArgument("a value is not a residue of the plaintext modulus");
  }
}

}  // namespace

void Lanes::check(const Context& context) const {
  auto power = [](std::size_t x) { return x != 0 && (x & (x - 1)) == 0; };
  if (!power(lanes) || !power(width) || lanes > context.degree() || width > context.degree() ||
      lanes * width > context.degree() / 8) {
    throw BadArgument("lanes and width must be powers of two with at least eight rows a block");
  }
}

Wanted row_positions(const Context& context, const Lanes& lanes, std::size_t used, std::size_t rows) {
  check_used(lanes, used);
  check_rows(context, lanes, rows);
  Wanted wanted;
  wanted.reserve(used * rows);
  for (std::size_t s = 0; s < used; ++s) {
    for (std::size_t i = 0; i < rows; ++i) {
      wanted.push_back(static_cast<std::uint32_t>((i * lanes.width + lanes.width - 1) * lanes.lanes + s));
    }
  }
  return wanted;
}

Wanted column_positions(const Context& context, const Lanes& lanes, std::size_t used, std::size_t columns) {
  check_used(lanes, used);
  Wanted wanted;
  wanted.reserve(used * columns);
  const std::size_t length = lanes.length(context);
  for (std::size_t s = 0; s < used; ++s) {
    for (std::size_t j = 0; j < columns; ++j) {
      wanted.push_back(static_cast<std::uint32_t>((length - 1 - j) * lanes.lanes + s));
    }
  }
  return wanted;
}

SecretVector column_operand(const Context& context, const Lanes& lanes, const u64* vectors, std::size_t used,
                            std::size_t count) {
  lanes.check(context);
  check_used(lanes, used);
  if (count == 0 || count > lanes.width) {
    throw BadArgument("a group holds 1.." + std::to_string(lanes.width) + " columns");
  }
  SecretVector out(context.degree(), 0);
  for (std::size_t s = 0; s < used; ++s) {
    for (std::size_t j = 0; j < count; ++j) {
      check_value(context, vectors[s * count + j]);
      out[j * lanes.lanes + s] = vectors[s * count + j];
    }
  }
  return out;
}

SecretVector row_operand(const Context& context, const Lanes& lanes, const u64* vectors, std::size_t used,
                         std::size_t count) {
  lanes.check(context);
  check_used(lanes, used);
  check_rows(context, lanes, count);
  SecretVector out(context.degree(), 0);
  const std::size_t last = lanes.rows_per_block(context) - 1;
  for (std::size_t s = 0; s < used; ++s) {
    for (std::size_t i = 0; i < count; ++i) {
      check_value(context, vectors[s * count + i]);
      out[(last - i) * lanes.width * lanes.lanes + s] = vectors[s * count + i];
    }
  }
  return out;
}

Matrix::Matrix(std::shared_ptr<const Context> context, Lanes lanes, std::size_t columns, std::size_t used,
               std::vector<std::shared_ptr<Ciphertext>> forward)
    : context_(std::move(context)), lanes_(lanes), columns_(columns), used_(used), forward_(std::move(forward)) {
  lanes_.check(*context_);
  check_used(lanes_, used_);
  check_columns(columns_);
  groups_ = lanes_.groups(columns_);
  if (!forward_.empty() && forward_.size() != groups_) {
    throw BadArgument("forward products need one operand a group of columns");
  }
  for (const auto& operand : forward_) {
    if (operand->context.get() != context_.get()) {
      throw BadArgument("the ciphertext belongs to other parameters");
    }
  }
  c0_.assign(groups_ * context_->size(), 0);
  c1_.assign(groups_ * context_->size(), 0);
}

std::vector<Reply> Matrix::rows(const std::int32_t* values, std::size_t count,
                                const std::vector<std::shared_ptr<Ciphertext>>& operands,
                                const Ciphertext& public_key, const std::vector<Seed>& mask_seeds,
                                std::size_t reply_limbs) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = *context_;
  const std::size_t n = c.degree(), h = lanes_.lanes, width = lanes_.width, length = lanes_.length(c);
  const std::size_t per_block = lanes_.rows_per_block(c), blocks = (count + per_block - 1) / per_block;
  check_reply_limbs(c, reply_limbs);
  if (finished_ || count == 0 || blocks > kBatch || operands.size() != blocks ||
      (forward() && mask_seeds.size() != blocks)) {
    throw BadArgument("1..16 blocks of rows at a time, each with its operand, until finished");
  }
  if (public_key.context.get() != &c) {
    throw BadArgument("the public key belongs to other parameters");
  }
  for (const auto& operand : operands) {
    if (operand->context.get() != &c) {
      throw BadArgument("the ciphertext belongs to other parameters");
    }
  }
  finished_ = true;  // until every product is in the sums
  auto rows_in = [&](std::size_t block) { return std::min(per_block, count - block * per_block); };

  // tiles[((l·groups + g)·blocks + b)·length + k]
  SecretVector tiles(c.limbs() * groups_ * blocks * length, 0);
  parallel(groups_, [&](std::size_t g) {
    const std::size_t from = g * width, used = std::min(width, columns_ - from);
    for (std::size_t l = 0; l < c.limbs(); ++l) {
      const u64 q = c.prime(l);
      for (std::size_t b = 0; b < blocks; ++b) {
        u64* tile = tiles.data() + ((l * groups_ + g) * blocks + b) * length;
        for (std::size_t i = 0; i < rows_in(b); ++i) {
          const std::int32_t* row = values + (b * per_block + i) * columns_ + from;
          for (std::size_t j = 0; j < used; ++j) {
            const i64 x = row[j];
            // Branch-free lift: q > 2^31 > |x|.
            tile[i * width + (width - 1 - j)] = static_cast<u64>(x) + (q & static_cast<u64>(x >> 63));
          }
        }
        c.ntt(tile, length, l);
      }
    }
  });

  SecretVector out0, out1;  // blocks × size
  if (forward()) {
    out0.assign(blocks * c.size(), 0);
    out1.assign(blocks * c.size(), 0);
  }
  // A task takes `run` neighbouring values of the transforms: of `run / h` tile values, h each.
  const std::size_t run = std::max(h, std::min<std::size_t>(kStrip, n)), strips = n / run;
  parallel(c.limbs() * strips, [&](std::size_t task) {
    const std::size_t l = task / strips, start = (task % strips) * run;
    const auto& q = c.modulus(l);
    std::vector<u128> sum0(blocks * run), sum1(blocks * run);
    std::size_t pending = 0;
    auto settle = [&] {
      for (std::size_t b = 0; b < blocks; ++b) {
        u64* a0 = out0.data() + b * c.size() + l * n + start;
        u64* a1 = out1.data() + b * c.size() + l * n + start;
        for (std::size_t i = 0; i < run; ++i) {
          a0[i] = seal::util::add_uint_mod(a0[i], reduce(sum0[b * run + i], q), q);
          a1[i] = seal::util::add_uint_mod(a1[i], reduce(sum1[b * run + i], q), q);
        }
      }
      std::fill(sum0.begin(), sum0.end(), 0);
      std::fill(sum1.begin(), sum1.end(), 0);
      pending = 0;
    };
    std::vector<u128> back0(run), back1(run);
    for (std::size_t g = 0; g < groups_; ++g) {
      const u64* tile = tiles.data() + (l * groups_ + g) * blocks * length + start / h;
      if (forward()) {
        const u64* f0 = forward_[g]->c0.data() + l * n + start;
        const u64* f1 = forward_[g]->c1.data() + l * n + start;
        for (std::size_t b = 0; b < blocks; ++b) {
          for (std::size_t k = 0; k < run / h; ++k) {
            const u64 x = tile[b * length + k];
            u128* s0 = sum0.data() + b * run + k * h;
            u128* s1 = sum1.data() + b * run + k * h;
            for (std::size_t s = 0; s < h; ++s) {
              s0[s] += static_cast<u128>(x) * f0[k * h + s];
              s1[s] += static_cast<u128>(x) * f1[k * h + s];
            }
          }
        }
        if (++pending == kBatch) {
          settle();
        }
      }
      std::fill(back0.begin(), back0.end(), 0);
      std::fill(back1.begin(), back1.end(), 0);
      for (std::size_t b = 0; b < blocks; ++b) {
        const u64* r0 = operands[b]->c0.data() + l * n + start;
        const u64* r1 = operands[b]->c1.data() + l * n + start;
        for (std::size_t k = 0; k < run / h; ++k) {
          const u64 x = tile[b * length + k];
          for (std::size_t s = k * h; s < (k + 1) * h; ++s) {
            back0[s] += static_cast<u128>(x) * r0[s];
            back1[s] += static_cast<u128>(x) * r1[s];
          }
        }
      }
      u64* a0 = c0_.data() + g * c.size() + l * n + start;
      u64* a1 = c1_.data() + g * c.size() + l * n + start;
      for (std::size_t i = 0; i < run; ++i) {
        a0[i] = seal::util::add_uint_mod(a0[i], reduce(back0[i], q), q);
        a1[i] = seal::util::add_uint_mod(a1[i], reduce(back1[i], q), q);
      }
    }
    if (pending > 0) {
      settle();
    }
  });

  std::vector<Reply> replies(forward() ? blocks : 0);
  parallel(replies.size(), [&](std::size_t b) {
    const Wanted wanted = row_positions(c, lanes_, used_, rows_in(b));
    const SecretVector masks = draw_masks(c, *generator(mask_seeds[b]), wanted.size());
    replies[b].shares.resize(wanted.size());
    protect(public_key, wanted, masks.data(), reply_limbs, out0.data() + b * c.size(), out1.data() + b * c.size(),
            replies[b].bytes, replies[b].shares.data());
  });
  finished_ = false;
  return replies;
}

Reply Matrix::finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = *context_;
  check_reply_limbs(c, reply_limbs);
  if (finished_) {
    throw BadArgument("this matrix is finished");
  }
  if (public_key.context.get() != &c) {
    throw BadArgument("the public key belongs to other parameters");
  }
  finished_ = true;
  const std::size_t width = lanes_.width;
  std::vector<SecretVector> masks(groups_);
  auto random = generator(mask_seed);
  auto columns_in = [&](std::size_t g) { return std::min(width, columns_ - g * width); };
  for (std::size_t g = 0; g < groups_; ++g) {
    masks[g] = draw_masks(c, *random, used_ * columns_in(g));
  }
  Reply reply;
  reply.shares.resize(used_ * columns_);
  std::vector<std::vector<std::uint8_t>> parts(groups_);
  parallel(groups_, [&](std::size_t g) {
    const std::size_t count = columns_in(g);
    SecretVector shares(used_ * count);
    protect(public_key, column_positions(c, lanes_, used_, count), masks[g].data(), reply_limbs,
            c0_.data() + g * c.size(), c1_.data() + g * c.size(), parts[g], shares.data());
    for (std::size_t s = 0; s < used_; ++s) {
      std::copy_n(shares.data() + s * count, count, reply.shares.data() + s * columns_ + g * width);
    }
  });
  for (const auto& part : parts) {
    reply.bytes.insert(reply.bytes.end(), part.begin(), part.end());
  }
  return reply;
}

std::size_t row_reply_size(const Context& context, const Lanes& lanes, std::size_t used, std::size_t rows,
                           std::size_t reply_limbs) {
  lanes.check(context);
  check_used(lanes, used);
  check_rows(context, lanes, rows);
  check_reply_limbs(context, reply_limbs);
  return reply_part_size(context, used * rows, reply_limbs);
}

std::size_t column_reply_size(const Context& context, const Lanes& lanes, std::size_t used, std::size_t columns,
                              std::size_t reply_limbs) {
  lanes.check(context);
  check_used(lanes, used);
  check_columns(columns);
  check_reply_limbs(context, reply_limbs);
  const std::size_t full = columns / lanes.width, rest = columns % lanes.width;
  return full * reply_part_size(context, used * lanes.width, reply_limbs) +
         (rest == 0 ? 0 : reply_part_size(context, used * rest, reply_limbs));
}

SecretVector open_rows(const SecretKey& key, const Lanes& lanes, const std::uint8_t* bytes, std::size_t length,
                       std::size_t used, std::size_t rows, std::size_t reply_limbs) {
  const Context& c = *key.context;
  if (length != row_reply_size(c, lanes, used, rows, reply_limbs)) {
    throw BadInput("a reply of " + std::to_string(length) + " bytes for other rows");
  }
  SecretVector out(used * rows);
  std::size_t at = 0;
  open_part(key, bytes, length, at, row_positions(c, lanes, used, rows), reply_limbs, out.data());
  return out;
}

SecretVector open_columns(const SecretKey& key, const Lanes& lanes, const std::uint8_t* bytes, std::size_t length,
                          std::size_t used, std::size_t columns, std::size_t reply_limbs) {
  const Context& c = *key.context;
  if (length != column_reply_size(c, lanes, used, columns, reply_limbs)) {
    throw BadInput("a reply of " + std::to_string(length) + " bytes for other columns");
  }
  const std::size_t width = lanes.width, size = reply_part_size(c, used * width, reply_limbs);
  SecretVector out(used * columns);
  parallel(lanes.groups(columns), [&](std::size_t g) {
    const std::size_t count = std::min(width, columns - g * width);
    SecretVector part(used * count);
    std::size_t at = g * size;
    open_part(key, bytes, length, at, column_positions(c, lanes, used, count), reply_limbs, part.data());
    for (std::size_t s = 0; s < used; ++s) {
      std::copy_n(part.data() + s * count, count, out.data() + s * columns + g * width);
    }
  });
  return out;
}

}  // namespace espalier
