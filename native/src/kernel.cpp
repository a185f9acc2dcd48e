#include "kernel.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "codec.h"
#include "parallel.h"
#include "seal/util/uintarithsmallmod.h"
#include "wide.h"

namespace espalier {

namespace {

constexpr std::size_t kBatch = ProductSums::kBatch;
constexpr std::size_t kRun = ProductSums::kRun;
constexpr std::size_t kRowsAtOnce = 64;
constexpr std::size_t kCached = 1 << 16;  // values of tiles, beside twice as many of ciphertexts

void check_width(const Context& context, std::size_t width) {
  if (width == 0 || (width & (width - 1)) != 0 || width > context.degree()) {
    throw BadArgument("tile width must be a power of two up to the ring degree");
  }
}

// The coefficients that hold the results of one group of columns.
Wanted last(const Context& context, std::size_t count) {
  Wanted wanted(count);
  for (std::size_t j = 0; j < count; ++j) {
    wanted[j] = static_cast<std::uint32_t>(context.degree() - 1 - j);
  }
  return wanted;
}

// Integers as residues of q > 2^31, whatever they are in the same time.
template <typename Entry>
void lift_plain(const Entry* values, std::size_t count, u64 q, u64* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const i64 x = values[i];
    out[i] = static_cast<u64>(x) + (q & static_cast<u64>(x >> 63));
  }
}

#if defined(__x86_64__)

ESPALIER_WIDE __m512i eight(const std::int16_t* p) {
  return _mm512_cvtepi16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
ESPALIER_WIDE __m512i eight(const std::int32_t* p) {
  return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

template <typename Entry>
__attribute__((target("avx512f,avx512dq"))) void lift_wide(const Entry* values, std::size_t count, u64 q, u64* out) {
  for (std::size_t i = 0; i < count; i += 8) {
    const __m512i x = eight(values + i);
    vec::keep(out + i, _mm512_mask_add_epi64(x, _mm512_movepi64_mask(x), x, vec::all(q)));
  }
}

template <typename Entry>
void lift(const Entry* values, std::size_t count, u64 q, u64* out) {
  static const bool wide = vec::supported();
  wide ? lift_wide(values, count, q, out) : lift_plain(values, count, q, out);
}

#else

template <typename Entry>
void lift(const Entry* values, std::size_t count, u64 q, u64* out) {
  lift_plain(values, count, q, out);
}

#endif

}  // namespace

void check_columns(std::size_t columns) {
  if (columns == 0 || columns > (1u << 20)) {
    throw BadArgument("a matrix has 1..2^20 columns");
  }
}

Tiles::Tiles(std::shared_ptr<const Context> context, std::size_t rows, std::size_t columns, std::size_t width,
             i64 largest, std::size_t kept)
    : context_(std::move(context)), rows_(rows), columns_(columns), width_(width), largest_(largest) {
  check_width(*context_, width);
  check_columns(columns);
  if (rows == 0 || rows > (1u << 30)) {
    throw BadArgument("a matrix has 1..2^30 rows");
  }
  if (largest < 0 || largest > -static_cast<i64>(std::numeric_limits<std::int32_t>::min())) {
    throw BadArgument("entries are at most 2^31");
  }
  groups_ = (columns + width - 1) / width;
  blocks_ = (rows + rows_per_block() - 1) / rows_per_block();
  if (largest <= std::numeric_limits<std::int16_t>::max()) {
    narrow_.resize(groups_ * blocks_ * context_->degree());
  } else {
    wide_.resize(groups_ * blocks_ * context_->degree());
  }
  kept_groups_ = std::min(groups_, kept);
  kept_ = SecretRoom(kept_groups_ * blocks_ * context_->size());
  present_.assign(blocks_, kMissing);
}

std::size_t Tiles::rows_in(std::size_t block) const {
  return std::min(rows_per_block(), rows_ - block * rows_per_block());
}

bool Tiles::complete() const {
  std::lock_guard<std::mutex> hold(lock_);
  return std::all_of(present_.begin(), present_.end(), [](char p) { return p == kStored; });
}

void Tiles::put(std::size_t block, const std::int32_t* values, std::size_t count) {
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (block >= blocks_ || count != rows_in(block) || present_[block] != kMissing) {
      throw BadArgument("block " + std::to_string(block) + " does not exist, has other rows or is stored already");
    }
    present_[block] = kClaimed;
  }
  if (narrow_.empty()) {
    fill(block, values, count, wide_);
  } else {
    fill(block, values, count, narrow_);
  }
  std::lock_guard<std::mutex> hold(lock_);
  present_[block] = kStored;
}

template <typename Entry>
void Tiles::fill(std::size_t block, const std::int32_t* values, std::size_t count, Wiped<Entry>& entries) {
  std::atomic<i64> excess{0};
  // A few rows at a time: their lines of the cache serve several groups.
  parallel((count + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::size_t some) {
    const std::size_t first = some * kRowsAtOnce, last = std::min(count, first + kRowsAtOnce);
    i64 beyond = 0;
    for (std::size_t g = 0; g < groups_; ++g) {
      const std::size_t from = g * width_, used = std::min(width_, columns_ - from);
      Entry* tile = entries.data() + place(block, g);
      for (std::size_t i = first; i < last; ++i) {
        for (std::size_t j = 0; j < used; ++j) {
          const i64 x = values[i * columns_ + from + j];
          beyond |= (largest_ - x) | (largest_ + x);
          tile[i * width_ + (width_ - 1 - j)] = static_cast<Entry>(x);
        }
      }
    }
    excess |= beyond;
  });
  const std::size_t n = context_->degree();
  parallel(
      kept_groups_ * context_->limbs(), [&] { return SecretVector(n); },
      [&](SecretVector& limb, std::size_t task) {
        const std::size_t l = task / kept_groups_, g = task % kept_groups_;
        transform(block, g, l, limb.data());
        for (std::size_t i = 0; i < n; i += kRun) {
          std::copy_n(limb.data() + i, kRun, kept_.data() + kept_place(block, g, l * n + i));
        }
      });
  if (excess < 0) {
    throw BadArgument("an entry of the matrix is larger than it was said to be");
  }
}

void Tiles::transform(std::size_t block, std::size_t group, std::size_t limb, u64* out) const {
  const std::size_t at = place(block, group);
  if (narrow_.empty()) {
    lift(wide_.data() + at, context_->degree(), context_->prime(limb), out);
  } else {
    lift(narrow_.data() + at, context_->degree(), context_->prime(limb), out);
  }
  context_->ntt(out, limb);
}

SecretVector Tiles::tile(std::size_t block, std::size_t group) const {
  SecretVector out(context_->size());
  if (group < kept_groups_) {
    for (std::size_t i = 0; i < out.size(); i += kRun) {
      std::copy_n(kept_.data() + kept_place(block, group, i), kRun, out.data() + i);
    }
  } else {
    for (std::size_t l = 0; l < context_->limbs(); ++l) {
      transform(block, group, l, out.data() + l * context_->degree());
    }
  }
  return out;
}

Accumulator::Accumulator(std::shared_ptr<const Tiles> tiles, Path fastest) : tiles_(std::move(tiles)) {
  if (!tiles_->complete()) {
    throw BadArgument("the tile store has blocks missing");
  }
  c0_.assign(tiles_->groups() * tiles_->context().size(), 0);
  c1_.assign(tiles_->groups() * tiles_->context().size(), 0);
  added_.assign(tiles_->blocks(), 0);
  for (std::size_t l = 0; l < tiles_->context().limbs(); ++l) {
    sums_.emplace_back(tiles_->context().modulus(l), fastest);
  }
}

void Accumulator::add(const std::vector<std::size_t>& blocks,
                      const std::vector<std::shared_ptr<Ciphertext>>& ciphertexts) {
  std::lock_guard<std::mutex> hold(lock_);
  if (finished_ || blocks.size() != ciphertexts.size() || blocks.empty() || blocks.size() > kBatch) {
    throw BadArgument("an accumulator takes 1..16 blocks at a time until it is finished");
  }
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    if (blocks[k] >= tiles_->blocks() || added_[blocks[k]] ||
        std::find(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(k), blocks[k]) !=
            blocks.begin() + static_cast<std::ptrdiff_t>(k)) {
      throw BadArgument("block " + std::to_string(blocks[k]) + " does not exist or was added before");
    }
    if (ciphertexts[k]->context.get() != &tiles_->context()) {
      throw BadArgument("the ciphertext belongs to other parameters");
    }
  }
  finished_ = true;  // until every product is in the sums
  const Context& c = tiles_->context();
  const std::size_t n = c.degree(), kept = tiles_->kept_groups(), made = tiles_->groups() - kept;
  // Run by run: the operands of a run stay in the first-level cache while every kept tile is read once, in order.
  parallel(kept == 0 ? 0 : c.size() / kRun, [&](std::size_t task) {
    const std::size_t from = task * kRun;
    const u64 *x[kBatch], *a[kBatch], *b[kBatch];
    std::size_t step[kBatch];
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      x[k] = tiles_->run(blocks[k], from);
      step[k] = tiles_->run_step(blocks[k]);
      a[k] = ciphertexts[k]->c0.data() + from;
      b[k] = ciphertexts[k]->c1.data() + from;
    }
    sums_[from / n].add({x, step, a, b, blocks.size(), kept, c0_.data() + from, c1_.data() + from, c.size()});
  });
  // Group by group: its tiles of a few blocks, and these blocks' ciphertexts, stay in the second-level cache. All
  // groups of one limb come before the next limb, so that the ciphertexts are still there for the next group.
  const std::size_t few = std::max<std::size_t>(1, kCached / n);
  parallel(
      made * c.limbs(), [&] { return SecretVector(std::min(few, blocks.size()) * n); },
      [&](SecretVector& tiles, std::size_t task) {
        const std::size_t l = task / made, g = kept + task % made;
        for (std::size_t first = 0; first < blocks.size(); first += few) {
          const std::size_t count = std::min(few, blocks.size() - first);
          const u64 *x[kBatch], *a[kBatch], *b[kBatch];
          const std::size_t step[kBatch] = {};  // there is one group
          for (std::size_t k = 0; k < count; ++k) {
            tiles_->transform(blocks[first + k], g, l, tiles.data() + k * n);
            x[k] = tiles.data() + k * n;
            a[k] = ciphertexts[first + k]->c0.data() + l * n;
            b[k] = ciphertexts[first + k]->c1.data() + l * n;
          }
          u64 *out_a = c0_.data() + g * c.size() + l * n, *out_b = c1_.data() + g * c.size() + l * n;
          for (std::size_t from = 0; from < n; from += kRun) {
            sums_[l].add({x, step, a, b, count, 1, out_a + from, out_b + from, c.size()});
            for (std::size_t k = 0; k < count; ++k) {
              x[k] += kRun;
              a[k] += kRun;
              b[k] += kRun;
            }
          }
        }
      });
  for (std::size_t block : blocks) {
    added_[block] = 1;
  }
  finished_ = false;
}

std::size_t reply_size(const Context& context, std::size_t columns, std::size_t width, std::size_t reply_limbs) {
  check_width(context, width);
  check_columns(columns);
  check_reply_limbs(context, reply_limbs);
  return grouped_reply_size(context, columns, width, 1, reply_limbs);
}

Reply Accumulator::finish(const Ciphertext& public_key, const Seed& mask_seed, std::size_t reply_limbs) {
  std::lock_guard<std::mutex> hold(lock_);
  const Context& c = tiles_->context();
  if (finished_) {
    throw BadArgument("this accumulator is finished");
  }
  if (!std::all_of(added_.begin(), added_.end(), [](char a) { return a != 0; })) {
    throw BadArgument("blocks are missing");
  }
  if (public_key.context.get() != &c) {
    throw BadArgument("the public key belongs to other parameters");
  }
  check_reply_limbs(c, reply_limbs);
  finished_ = true;
  const std::size_t width = tiles_->width();
  std::vector<Wanted> wanted;
  for (std::size_t from = 0; from < tiles_->columns(); from += width) {
    wanted.push_back(last(c, std::min(width, tiles_->columns() - from)));
  }
  return protect(public_key, wanted, mask_seed, reply_limbs, c0_.data(), c1_.data());
}

SecretVector open_reply(const SecretKey& key, const std::uint8_t* bytes, std::size_t length,
                        std::size_t columns, std::size_t width, std::size_t reply_limbs) {
  const Context& c = *key.context;
  if (length != reply_size(c, columns, width, reply_limbs)) {
    throw BadInput("reply has " + std::to_string(length) + " bytes, not " +
                   std::to_string(reply_size(c, columns, width, reply_limbs)));
  }
  const std::size_t groups = (columns + width - 1) / width;
  const std::size_t group_size = reply_part_size(c, width, reply_limbs);
  SecretVector out(columns);
  parallel(groups, [&](std::size_t g) {
    std::size_t at = g * group_size;
    open_part(key, bytes, length, at, last(c, std::min(width, columns - g * width)), reply_limbs,
              out.data() + g * width);
  });
  return out;
}

SecretVector residual_polynomial(const Context& context, const i64* residuals, std::size_t count,
                                 std::size_t width) {
  check_width(context, width);
  const std::size_t rows = context.degree() / width;
  if (count == 0 || count > rows) {
    throw BadArgument("a block holds 1.." + std::to_string(rows) + " residuals");
  }
  const i64 t = static_cast<i64>(context.plain());
  SecretVector out(context.degree(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    const i64 r = residuals[i];
    if (r <= -t || r >= t) {
      throw BadArgument("residual " + std::to_string(i) + " is outside the plaintext range");
    }
    out[(rows - 1 - i) * width] = static_cast<u64>(r + (t & (r >> 63)));
  }
  return out;
}

}  // namespace espalier
