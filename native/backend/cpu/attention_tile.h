// What the two passes of attention share: tiles of documents, and products of triangular tiles.
#pragma once
#include "backend/cpu/parallel.h"
#include "backend/cpu/tile.h"
#include "ops/attention.h"

namespace attune {
namespace ATTUNE_ISA {

constexpr int64_t kTile = 64;

static inline int64_t tiles_of(int64_t size) { return (size + kTile - 1) / kTile; }
static inline int64_t at_most(int64_t size, int64_t limit) { return size < limit ? size : limit; }

template <typename T>
static inline T* at(const Tensor& x, int64_t row, int64_t col) {
  return static_cast<T*>(x.data) + row * x.stride + col;
}

/** Which tile of which document: prefix[s] tiles lie before document s. */
struct Tiles {
  Tiles(const int32_t* starts, int64_t documents) : scratch(documents + 1), documents(documents) {
    prefix = reinterpret_cast<int32_t*>(scratch.data());
    prefix[0] = 0;
    for (int64_t s = 0; s < documents; ++s) {
      prefix[s + 1] = prefix[s] + static_cast<int32_t>(tiles_of(starts[s + 1] - starts[s]));
    }
  }
  int64_t count() const { return prefix[documents]; }
  int64_t document_of(int64_t tile) const {
    int64_t low = 0, high = documents;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (prefix[middle] <= tile ? low : high) = middle;
    }
    return low;
  }
  Scratch scratch;
  int64_t documents;
  int32_t* prefix;
};

/** Rows of a step through a tile that the diagonal crosses: the upper half is left out. */
constexpr int64_t kStep = 16;

/** Which operand of a product is lower triangular. */
enum class Lower { c, a, transposed_a };

/** As `product`, without the terms that the triangle makes 0 (or whose result nobody reads). */
static inline void product_below(const Product& whole, Lower lower) {
  for (int64_t i = 0; i < whole.m; i += kStep) {
    Product job = whole;
    job.m = at_most(whole.m - i, kStep);
    job.a += i * whole.a_row;
    job.c += i * whole.c_row;
    if (lower == Lower::c) job.n = at_most(whole.n, i + kStep);
    if (lower == Lower::a) job.k = at_most(whole.k, i + kStep);
    if (lower == Lower::transposed_a) {
      job.a += i * whole.a_col;
      job.b += i * whole.b_row;
      job.k = whole.k - i;
    }
    product(job);
  }
}

static inline void product_tile(const Product& job, bool diagonal, Lower lower) {
  diagonal ? product_below(job, lower) : product(job);
}

/** What is done to the scores of a query head besides masking them. */
struct ScoreRule {
  float cap, slope;
  bool plain() const { return cap == 0 && slope == 0; }
};

template <class Args>
static inline ScoreRule rule_of(const Args& args, int64_t head) {
  return {args.soft_cap, args.slopes ? args.slopes[head] : 0};
}

struct Score {
  Vec value, slope;  // slope: d value / d scaled product
};

/** `product` is scaled; `distance` = key - own position of the first lane. */
static inline Score score_of(const ScoreRule& rule, Vec product, int64_t distance) {
  Score score = {product, broadcast(1)};
  if (rule.cap > 0) {
    const Vec t = tanh(product / rule.cap);
    score.value = rule.cap * t;
    score.slope = 1.0f - t * t;
  }
  const Ints lanes = lane_index() + static_cast<int32_t>(distance);
  score.value += rule.slope * __builtin_convertvector(lanes, Vec);
  return score;
}

/** The first key tile that a query sees which stands at key `own` of its document. */
static inline int64_t first_key_tile(int64_t window, int64_t own) {
  return window > 0 && own >= window ? (own - window + 1) / kTile * kTile : 0;
}

/** Keys of the tile at `key` that lie before the window of the query at `own`. */
static inline int64_t before_window(int64_t window, int64_t own, int64_t key, int64_t keys) {
  const int64_t before = window > 0 ? own - window + 1 - key : 0;
  return before < 0 ? 0 : at_most(before, keys);
}

/** Sets the columns of a score row from `visible` to the padding of `size` to 0. */
static inline void blank(float* row, int64_t visible, int64_t size) {
  for (int64_t j = visible; j < padded(size); ++j) row[j] = 0;
}

}  // namespace ATTUNE_ISA
}  // namespace attune
