// Attention in tiles of kTile queries by kTile keys; scores exist for one tile at a time.
//
// Keys and values are widened to float32 (keys transposed) in scratch, and the tile product does
// the rest. Parallel over (document, key/value head, query tile).
#include "backend/cpu/attention_tile.h"
#include "backend/cpu/kernels.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

constexpr int64_t kGroup = 4;    // query heads that share one pass over the keys
constexpr int64_t kDotRows = 4;  // below so many queries, scores are dot products (decoding)

/** Scratch of one thread. */
struct Forward {
  explicit Forward(int64_t head_size) : width(padded(head_size)) {}
  int64_t width;
  float *keys, *values, *scores, *queries, *out, *max, *total;

  int64_t size() const { return kTile * (2 * width + kTile + kGroup * (2 * width + 2)); }
  void place(float* memory) {
    keys = memory;  // [E, kTile]
    values = keys + kTile * width;
    scores = values + kTile * width;
    queries = scores + kTile * kTile;  // [kGroup, kTile, E], scaled
    out = queries + kGroup * kTile * width;
    max = out + kGroup * kTile * width;
    total = max + kGroup * kTile;
  }
};

/** Query rows [row, row + rows) and the keys of their document, for heads of one group. */
struct QueryTile {
  int64_t row, rows;  // rows of q
  int64_t first_key;  // row of k
  int64_t seen;       // keys that the first of the rows sees
  int64_t head, heads, kv_head;
};

template <typename T>
void dot_scores(const AttentionArgs& args, const Forward& own, const QueryTile& tile,
                const float* queries, int64_t key, int64_t keys) {
  for (int64_t j = 0; j < keys; ++j) {
    const T* k = at<T>(args.k, tile.first_key + key + j, tile.kv_head * args.head_size);
    for (int64_t r = 0; r < tile.rows; ++r) {
      Vec total = {};
      for_lanes(args.head_size, [&](int64_t e, auto lanes) {
        total += load(queries + r * own.width + e, Full{}) * load(k + e, lanes);
      });
      own.scores[r * kTile + j] = sum(total);
    }
  }
}

/** Scores of the query at `own`, of its document's keys from `key` on: capped, sloped, masked. */
void shape_row(const ScoreRule& rule, int64_t own, int64_t key, int64_t hidden, int64_t visible,
               float* scores) {
  if (!rule.plain()) {
    for_lanes(visible, [&](int64_t j, auto) {
      store(scores + j, score_of(rule, load(scores + j, Full{}), key + j - own).value, Full{});
    });
  }
  for (int64_t j = 0; j < hidden; ++j) scores[j] = -__builtin_inff();
}

/** Turns a row of scores into exp(score - max) and rescales what the row has gathered so far. */
void softmax_row(float* scores, int64_t visible, int64_t size, float* max_so_far, float* total,
                 float* out, int64_t width) {
  if (visible <= 0) return blank(scores, 0, size);
  Vec top = broadcast(*max_so_far);
  for_lanes(visible, [&](int64_t j, auto lanes) {
    top = max(top, only(load(scores + j, lanes), lanes, -__builtin_inff()));
  });
  const float peak = max_lane(top);
  if (peak > *max_so_far) {
    const float shrink = __builtin_expf(*max_so_far - peak);
    *total *= shrink;
    *max_so_far = peak;
    for (int64_t e = 0; e < width; e += kLanes) {
      store(out + e, load(out + e, Full{}) * shrink, Full{});
    }
  }
  Vec added = {};
  for_lanes(visible, [&](int64_t j, auto lanes) {
    const Vec p = only(exp_nonpositive(load(scores + j, lanes) - peak), lanes);
    added += p;
    store(scores + j, p, Full{});
  });
  *total += sum(added);
  blank(scores, padded(visible), size);
}

template <typename T>
void forward_keys(const AttentionArgs& args, const Forward& own, const QueryTile& tile, int64_t key,
                  int64_t keys) {
  const int64_t size = args.head_size, col = tile.kv_head * size;
  const bool dots = tile.rows < kDotRows, diagonal = key + 1 == tile.seen;
  const T* k = at<T>(args.k, tile.first_key + key, col);
  if (!dots) transpose(k, args.k.stride, keys, size, own.keys, kTile);
  widen_rows(at<T>(args.v, tile.first_key + key, col), args.v.stride, keys, size, own.values,
             own.width);
  for (int64_t g = 0; g < tile.heads; ++g) {
    const float* queries = own.queries + g * kTile * own.width;
    float* out = own.out + g * kTile * own.width;
    if (dots) {
      dot_scores<T>(args, own, tile, queries, key, keys);
    } else {
      product_tile(
          {tile.rows, keys, size, queries, own.width, 1, own.keys, kTile, own.scores, kTile, false},
          diagonal, Lower::c);
    }
    const ScoreRule rule = rule_of(args, tile.head + g);
    for (int64_t r = 0; r < tile.rows; ++r) {
      float* scores = own.scores + r * kTile;
      const int64_t place = tile.seen - 1 + r,
                    hidden = before_window(args.window, place, key, keys);
      int64_t visible = at_most(place + 1 - key, keys);
      if (hidden >= visible) visible = 0;
      shape_row(rule, place, key, at_most(hidden, visible), visible, scores);
      softmax_row(scores, visible, keys, own.max + g * kTile + r, own.total + g * kTile + r,
                  out + r * own.width, own.width);
    }
    product(
        {tile.rows, size, keys, own.scores, kTile, 1, own.values, own.width, out, own.width, true});
  }
}

template <typename T>
void forward_tile(const AttentionArgs& args, const Forward& own, const QueryTile& tile) {
  const int64_t size = args.head_size, last = tile.seen + tile.rows - 1;
  for (int64_t g = 0; g < tile.heads; ++g) {
    const T* q = at<T>(args.q, tile.row, (tile.head + g) * size);
    float* queries = own.queries + g * kTile * own.width;
    widen_rows(q, args.q.stride, tile.rows, size, queries, own.width, args.scale);
    memset(own.out + g * kTile * own.width, 0, static_cast<size_t>(tile.rows * own.width) * 4);
    for (int64_t r = 0; r < tile.rows; ++r) {
      own.max[g * kTile + r] = -__builtin_inff();
      own.total[g * kTile + r] = 0;
    }
  }
  for (int64_t key = first_key_tile(args.window, tile.seen - 1); key < last; key += kTile) {
    forward_keys<T>(args, own, tile, key, at_most(last - key, kTile));
  }
  for (int64_t g = 0; g < tile.heads; ++g) {
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t i = g * kTile + r;
      const float* from = own.out + i * own.width;
      T* to = at<T>(args.out, tile.row + r, (tile.head + g) * size);
      const float total = own.total[i], scale = 1.0f / total;
      for_lanes(size, [&](int64_t e, auto lanes) {
        store(to + e, load(from + e, Full{}) * scale, lanes);
      });
      if (args.lse) {
        args.lse[(tile.head + g) * args.q.rows + tile.row + r] = own.max[i] + __builtin_logf(total);
      }
    }
  }
}

template <typename T>
void forward(const AttentionArgs& args) {
  const Tiles tiles(args.q_starts, args.documents);
  const int64_t group = args.heads / args.kv_heads, parts = (group + kGroup - 1) / kGroup;
  const int64_t per_tile = args.kv_heads * parts, items = tiles.count() * per_tile;
  const int64_t keys = args.documents > 0 ? args.k_starts[args.documents] : 0;
  const bool parallel = items > 1 && args.q.size() * (keys / args.documents) > kParallelWork * 8;
  const int threads = parallel ? max_threads() : 1;
  Forward shape(args.head_size);
  Scratch scratch(shape.size() * threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (parallel)
  for (int64_t item = items - 1; item >= 0; --item) {  // the longest rows first
    const int64_t index = item / per_tile, s = tiles.document_of(index), part = item % per_tile;
    const int64_t first = (index - tiles.prefix[s]) * kTile;
    const int64_t queries = args.q_starts[s + 1] - args.q_starts[s];
    const int64_t own_keys = args.k_starts[s + 1] - args.k_starts[s];
    QueryTile tile;
    tile.row = args.q_starts[s] + first;
    tile.rows = at_most(queries - first, kTile);
    tile.first_key = args.k_starts[s];
    tile.seen = first + 1 + own_keys - queries;
    tile.kv_head = part / parts;
    tile.head = tile.kv_head * group + part % parts * kGroup;
    tile.heads = at_most(group - part % parts * kGroup, kGroup);
    Forward own = shape;
    own.place(scratch.data() + shape.size() * thread_index());
    forward_tile<T>(args, own, tile);
  }
}

}  // namespace

void Kernels::attention(const AttentionArgs& args) {
  if (args.documents == 0 || args.q.rows == 0) return;
  args.q.dtype == DType::bf16 ? forward<uint16_t>(args) : forward<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
