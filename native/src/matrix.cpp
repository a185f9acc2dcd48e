#include "matrix.h"

#include <algorithm>

#include "codec.h"
#include "parallel.h"
#include "seal/util/uintarithsmallmod.h"

namespace espalier {

namespace {

constexpr std::size_t kBatch = 16;
constexpr std::size_t kStrip = 64;  // neighbouring values that one task takes
constexpr std::size_t kChunk = 64;  // groups whose operands are looked at together

// Adds Σ x·a and Σ x·b, the x `stride` apart, to sums below 2^64·q, and leaves them below that: 16 products
// of residues below q ≤ 2^60 are at most 2^64·q more, so that one conditional step on the upper half is enough.
inline void add_products(const u64* x, std::size_t stride, const u64* a, const u64* b, std::size_t count, u64 q,
                         u128& sum_a, u128& sum_b) {
  auto fold = [q](u128 sum) {
    const u64 high = static_cast<u64>(sum >> 64);
    return static_cast<u128>(std::min(high, high - q)) << 64 | static_cast<u64>(sum);
  };
  u128 sa = sum_a, sb = sum_b;
  for (std::size_t from = 0; from < count; from += kBatch) {
    const std::size_t end = std::min(count, from + kBatch);
    for (std::size_t i = from; i < end; ++i) {
      const u64 v = x[i * stride];
      sa += static_cast<u128>(v) * a[i];
      sb += static_cast<u128>(v) * b[i];
    }
    sa = fold(sa);
    sb = fold(sb);
  }
  sum_a = sa;
  sum_b = sb;
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

// Values of groups of columns, in each lane after lane, as lane after lane of all columns.
SecretVector lane_by_lane(const SecretVector& grouped, const Lanes& lanes, std::size_t used, std::size_t columns) {
  SecretVector out(used * columns);
  const u64* at = grouped.data();
  for (std::size_t from = 0; from < columns; from += lanes.width) {
    const std::size_t count = std::min(lanes.width, columns - from);
    for (std::size_t s = 0; s < used; ++s, at += count) {
      std::copy_n(at, count, out.data() + s * columns + from);
    }
  }
  return out;
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

// kStrip neighbouring values of the transforms, from `start` of limb l, for all blocks and groups: groups are
// taken a chunk at a time, so that what the inner loops read stays in the caches, and summed in registers.
void Matrix::strip(std::size_t l, std::size_t start, std::size_t blocks, const SecretVector& tiles,
                   const std::vector<std::shared_ptr<Ciphertext>>& backward, u64* out0, u64* out1) {
  const Context& c = *context_;
  const auto& modulus = c.modulus(l);
  const u64 q = modulus.value();
  const std::size_t h = lanes_.lanes, length = lanes_.length(c);
  const std::size_t at = l * c.degree() + start;
  const std::size_t first = start / h, values = std::max<std::size_t>(1, kStrip / h);  // of a tile
  auto value_of = [&](std::size_t i) { return (start + i) / h - first; };

  // By position, then block.
  std::vector<u64> r0, r1;
  if (!backward.empty()) {
    r0.resize(kStrip * blocks);
    r1.resize(kStrip * blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t i = 0; i < kStrip; ++i) {
        r0[i * blocks + b] = backward[b]->c0[at + i];
        r1[i * blocks + b] = backward[b]->c1[at + i];
      }
    }
  }
  std::vector<u64> f0(kStrip * kChunk), f1(kStrip * kChunk);  // by position, then group
  SecretVector x(values * kChunk * blocks);                   // by value, then group, then block
  Wiped<u128> sum0(kStrip * blocks), sum1(kStrip * blocks);   // of the forward products, by position, then block
  for (std::size_t from = 0; from < groups_; from += kChunk) {
    const std::size_t groups = std::min(kChunk, groups_ - from);
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t b = 0; b < blocks; ++b) {
        const u64* tile = tiles.data() + ((l * groups_ + from + g) * blocks + b) * length + first;
        for (std::size_t k = 0; k < values; ++k) {
          x[(k * kChunk + g) * blocks + b] = tile[k];
        }
      }
    }
    if (forward()) {
      for (std::size_t g = 0; g < groups; ++g) {
        for (std::size_t i = 0; i < kStrip; ++i) {
          f0[i * kChunk + g] = forward_[from + g]->c0[at + i];
          f1[i * kChunk + g] = forward_[from + g]->c1[at + i];
        }
      }
      for (std::size_t i = 0; i < kStrip; ++i) {
        for (std::size_t b = 0; b < blocks; ++b) {
          add_products(x.data() + value_of(i) * kChunk * blocks + b, blocks, f0.data() + i * kChunk,
                       f1.data() + i * kChunk, groups, q, sum0[i * blocks + b], sum1[i * blocks + b]);
        }
      }
    }
    if (!backward.empty()) {
      for (std::size_t g = 0; g < groups; ++g) {
        u64* a0 = c0_.data() + (from + g) * c.size() + at;
        u64* a1 = c1_.data() + (from + g) * c.size() + at;
        for (std::size_t i = 0; i < kStrip; ++i) {
          u128 s0 = a0[i], s1 = a1[i];
          add_products(x.data() + (value_of(i) * kChunk + g) * blocks, 1, r0.data() + i * blocks,
                       r1.data() + i * blocks, blocks, q, s0, s1);
          a0[i] = reduce(s0, modulus);
          a1[i] = reduce(s1, modulus);
        }
      }
    }
  }
  if (forward()) {
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t i = 0; i < kStrip; ++i) {
        out0[b * c.size() + at + i] = reduce(sum0[i * blocks + b], modulus);
        out1[b * c.size() + at + i] = reduce(sum1[i * blocks + b], modulus);
      }
    }
  }
}

std::vector<Reply> Matrix::rows(const std::int32_t* values, std::size_t count,
                                const std::vector<std::shared_ptr<Ciphertext>>& operands,
                                const Ciphertext& public_key, const std::vector<Seed>& mask_seeds,
                                std::size_t reply_limbs) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = *context_;
  const std::size_t n = c.degree(), width = lanes_.width, length = lanes_.length(c);
  const std::size_t per_block = lanes_.rows_per_block(c), blocks = (count + per_block - 1) / per_block;
  check_reply_limbs(c, reply_limbs);
  if (finished_ || count == 0 || blocks > kBatch || (!operands.empty() && operands.size() != blocks) ||
      (operands.empty() && !forward()) || (forward() && mask_seeds.size() != blocks)) {
    throw BadArgument("1..16 blocks of rows at a time, each with its operand or none with any, until finished");
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
  parallel(c.size() / kStrip, [&](std::size_t task) {
    const std::size_t l = task * kStrip / n, start = task * kStrip % n;
    strip(l, start, blocks, tiles, operands, out0.data(), out1.data());
  });

  std::vector<Reply> replies(forward() ? blocks : 0);
  parallel(replies.size(), [&](std::size_t b) {
    replies[b] = protect(public_key, {row_positions(c, lanes_, used_, rows_in(b))}, mask_seeds[b], reply_limbs,
                         out0.data() + b * c.size(), out1.data() + b * c.size());
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
  std::vector<Wanted> wanted;
  for (std::size_t from = 0; from < columns_; from += lanes_.width) {
    wanted.push_back(column_positions(c, lanes_, used_, std::min(lanes_.width, columns_ - from)));
  }
  Reply reply = protect(public_key, wanted, mask_seed, reply_limbs, c0_.data(), c1_.data());
  reply.shares = lane_by_lane(reply.shares, lanes_, used_, columns_);
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
  return grouped_reply_size(context, columns, lanes.width, used, reply_limbs);
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
    std::size_t at = g * size;
    open_part(key, bytes, length, at, column_positions(c, lanes, used, std::min(width, columns - g * width)),
              reply_limbs, out.data() + g * width * used);
  });
  return lane_by_lane(out, lanes, used, columns);
}

}  // namespace espalier
