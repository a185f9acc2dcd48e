#include "matrix.h"

#include <algorithm>

#include "codec.h"
#include "parallel.h"

namespace espalier {

namespace {

constexpr std::size_t kBatch = ProductSums::kBatch;
constexpr std::size_t kRun = ProductSums::kRun;
constexpr std::size_t kLine = 8;  // values of a cache line

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
               std::vector<std::shared_ptr<Ciphertext>> forward, Path fastest)
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
  for (std::size_t l = 0; l < context_->limbs(); ++l) {
    sums_.emplace_back(context_->modulus(l), fastest);
  }
}

std::size_t Matrix::strip_length() const { return std::max(kRun, kLine * lanes_.lanes); }

// Neighbouring values of the transforms, from `start` of limb l, for all blocks and groups. Of the tiles come
// whole lines of the cache; up to 16 groups at a time are spread over the lanes, run by run, and used for both
// products while they are in the first-level cache.
void Matrix::strip(std::size_t l, std::size_t start, std::size_t blocks, const SecretVector& tiles,
                   const std::vector<std::shared_ptr<Ciphertext>>& backward, u64* out0, u64* out1) {
  const Context& c = *context_;
  const ProductSums& sums = sums_[l];
  const std::size_t h = lanes_.lanes, length = lanes_.length(c), limb = l * c.degree();
  const std::size_t first = start / h, values = strip_length() / h;  // of a tile
  const std::size_t repeat = std::min(h, kRun);                      // of a value in a run
  SecretVector lines(kBatch * blocks * values), x(kBatch * blocks * kRun);  // by group, then block
  for (std::size_t from = 0; from < groups_; from += kBatch) {
    const std::size_t groups = std::min(kBatch, groups_ - from);
    for (std::size_t k = 0; k < groups * blocks; ++k) {
      std::copy_n(tiles.data() + ((l * groups_ + from) * blocks + k) * length + first, values,
                  lines.data() + k * values);
    }
    for (std::size_t run = start; run < start + strip_length(); run += kRun) {
      const std::size_t at = limb + run, value = (run - start) / h;
      for (std::size_t k = 0; k < groups * blocks; ++k) {
        for (std::size_t v = 0; v < kRun / repeat; ++v) {
          std::fill_n(x.data() + k * kRun + v * repeat, repeat, lines[k * values + value + v]);
        }
      }
      const u64 *first_x[kBatch], *a[kBatch], *b[kBatch];
      std::size_t step[kBatch];
      if (forward()) {
        for (std::size_t g = 0; g < groups; ++g) {
          first_x[g] = x.data() + g * blocks * kRun;
          step[g] = kRun;
          a[g] = forward_[from + g]->c0.data() + at;
          b[g] = forward_[from + g]->c1.data() + at;
        }
        sums.add({first_x, step, a, b, groups, blocks, out0 + at, out1 + at, c.size()});
      }
      if (!backward.empty()) {
        for (std::size_t k = 0; k < blocks; ++k) {
          first_x[k] = x.data() + k * kRun;
          step[k] = blocks * kRun;
          a[k] = backward[k]->c0.data() + at;
          b[k] = backward[k]->c1.data() + at;
        }
        sums.add({first_x, step, a, b, blocks, groups, c0_.data() + from * c.size() + at,
                  c1_.data() + from * c.size() + at, c.size()});
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
  parallel(c.size() / strip_length(), [&](std::size_t task) {
    const std::size_t l = task * strip_length() / n, start = task * strip_length() % n;
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
