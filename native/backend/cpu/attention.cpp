// Attention in tiles of kTile queries by kTile keys; scores exist for one tile at a time.
//
// Keys and values are widened to float32 (and transposed where a product wants it) in scratch, and
// the tile product does the rest. The forward pass is parallel over (document, key/value head,
// query tile). The backward pass takes one (document, key/value head) a thread when that balances;
// otherwise it forms d_k, d_v by key tile and d_q by query tile, at 7 products a tile rather than
// 5. Both ways add the same terms in the same order: a result does not depend on the threads.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/tile.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

constexpr int64_t kTile = 64;
constexpr int64_t kGroup = 4;    // query heads that share one pass over the keys
constexpr int64_t kDotRows = 4;  // below so many queries, scores are dot products (decoding)

int64_t tiles_of(int64_t size) { return (size + kTile - 1) / kTile; }
int64_t at_most(int64_t size, int64_t limit) { return size < limit ? size : limit; }

template <typename T>
T* at(const Tensor& x, int64_t row, int64_t col) {
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

/** Sets the columns of a score row from `visible` to the padding of `size` to 0. */
void blank(float* row, int64_t visible, int64_t size) {
  for (int64_t j = visible; j < padded(size); ++j) row[j] = 0;
}

// ---------------------------------------------------------------- forward

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
    const Vec p = only(exp(load(scores + j, lanes) - peak), lanes);
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
  const bool dots = tile.rows < kDotRows;
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
      product({tile.rows, keys, size, queries, own.width, 1, own.keys, kTile, own.scores, kTile,
               false});
    }
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t visible = at_most(tile.seen + r - key, keys);
      softmax_row(own.scores + r * kTile, visible, keys, own.max + g * kTile + r,
                  own.total + g * kTile + r, out + r * own.width, own.width);
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
  for (int64_t key = 0; key < last; key += kTile) {
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

// ---------------------------------------------------------------- backward

namespace {

/** Scratch of one thread. */
struct Backward {
  explicit Backward(int64_t head_size) : width(padded(head_size)) {}
  int64_t width;
  float *keys, *keys_across, *values_across, *d_keys, *d_values;
  float *queries, *d_out, *d_queries, *scores, *d_scores;

  int64_t size() const { return kTile * (8 * width + 2 * kTile); }
  void place(float* memory) {
    float** parts[] = {&keys,     &keys_across, &values_across, &d_keys,
                       &d_values, &queries,     &d_out,         &d_queries};
    for (float** part : parts) {
      *part = memory;
      memory += kTile * width;
    }
    scores = memory;
    d_scores = memory + kTile * kTile;
  }
};

/** One document and key/value head. */
struct Unit {
  int64_t row, rows, kv_head;
};

template <typename T>
void load_keys(const AttentionBackwardArgs& args, const Backward& own, const Unit& unit,
               int64_t key, int64_t keys) {
  const int64_t size = args.head_size, col = unit.kv_head * size, row = unit.row + key;
  widen_rows(at<T>(args.k, row, col), args.k.stride, keys, size, own.keys, own.width);
  transpose(at<T>(args.k, row, col), args.k.stride, keys, size, own.keys_across, kTile);
  transpose(at<T>(args.v, row, col), args.v.stride, keys, size, own.values_across, kTile);
}

template <typename T>
void load_queries(const AttentionBackwardArgs& args, const Backward& own, const Unit& unit,
                  int64_t head, int64_t query, int64_t queries) {
  const int64_t size = args.head_size, col = head * size, row = unit.row + query;
  widen_rows(at<T>(args.q, row, col), args.q.stride, queries, size, own.queries, own.width);
  widen_rows(at<T>(args.d_out, row, col), args.d_out.stride, queries, size, own.d_out, own.width);
}

/** The probabilities of the loaded tiles, and the gradient of their scores times `scale`. */
void score_tiles(const AttentionBackwardArgs& args, const Backward& own, const float* lse,
                 const float* delta, int64_t query, int64_t queries, int64_t key, int64_t keys) {
  const int64_t size = args.head_size;
  product({queries, keys, size, own.queries, own.width, 1, own.keys_across, kTile, own.scores,
           kTile, false});
  product({queries, keys, size, own.d_out, own.width, 1, own.values_across, kTile, own.d_scores,
           kTile, false});
  for (int64_t r = 0; r < queries; ++r) {
    float* p = own.scores + r * kTile;
    float* d = own.d_scores + r * kTile;
    const int64_t visible = at_most(query + r + 1 - key, keys);
    for_lanes(visible, [&](int64_t j, auto lanes) {
      const Vec value = exp(load(p + j, Full{}) * args.scale - lse[r]);
      const Vec slope = value * (load(d + j, Full{}) - delta[r]) * args.scale;
      store(p + j, only(value, lanes), Full{});
      store(d + j, only(slope, lanes), Full{});
    });
    blank(p, padded(visible), keys);
    blank(d, padded(visible), keys);
  }
}

void add_d_queries(const AttentionBackwardArgs& args, const Backward& own, int64_t queries,
                   int64_t keys, bool accumulate, float* to) {
  product({queries, args.head_size, keys, own.d_scores, kTile, 1, own.keys, own.width, to,
           own.width, accumulate});
}

template <typename T>
void write_tile(const Tensor& to, int64_t row, int64_t col, const float* from, int64_t width,
                int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes(cols, [&](int64_t e, auto lanes) {
      store(at<T>(to, row + r, col) + e, load(from + r * width + e, Full{}), lanes);
    });
  }
}

/** d_k and d_v of a key tile; also adds to d_queries [group, rows, E] where it is present. */
template <typename T>
void backward_keys(const AttentionBackwardArgs& args, const Backward& own, const Unit& unit,
                   int64_t key, const float* delta, float* d_queries) {
  const int64_t size = args.head_size, group = args.heads / args.kv_heads;
  const int64_t keys = at_most(unit.rows - key, kTile), width = own.width;
  load_keys<T>(args, own, unit, key, keys);
  bool accumulate = false;
  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = unit.kv_head * group + g, line = head * args.q.rows + unit.row;
    for (int64_t query = key; query < unit.rows; query += kTile) {
      const int64_t queries = at_most(unit.rows - query, kTile);
      load_queries<T>(args, own, unit, head, query, queries);
      score_tiles(args, own, args.lse + line + query, delta + line + query, query, queries, key,
                  keys);
      product({keys, size, queries, own.scores, 1, kTile, own.d_out, width, own.d_values, width,
               accumulate});
      product({keys, size, queries, own.d_scores, 1, kTile, own.queries, width, own.d_keys, width,
               accumulate});
      accumulate = true;
      if (d_queries) {
        add_d_queries(args, own, queries, keys, key > 0,
                      d_queries + (g * unit.rows + query) * width);
      }
    }
  }
  const int64_t row = unit.row + key, col = unit.kv_head * size;
  write_tile<T>(args.d_k, row, col, own.d_keys, width, keys, size);
  write_tile<T>(args.d_v, row, col, own.d_values, width, keys, size);
}

/** d_q of a query tile. */
template <typename T>
void backward_queries(const AttentionBackwardArgs& args, const Backward& own, const Unit& unit,
                      int64_t query, const float* delta) {
  const int64_t group = args.heads / args.kv_heads;
  const int64_t queries = at_most(unit.rows - query, kTile);
  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = unit.kv_head * group + g, line = head * args.q.rows + unit.row + query;
    load_queries<T>(args, own, unit, head, query, queries);
    for (int64_t key = 0; key <= query; key += kTile) {
      const int64_t keys = at_most(unit.rows - key, kTile);
      load_keys<T>(args, own, unit, key, keys);
      score_tiles(args, own, args.lse + line, delta + line, query, queries, key, keys);
      add_d_queries(args, own, queries, keys, key > 0, own.d_queries);
    }
    write_tile<T>(args.d_q, unit.row + query, head * args.head_size, own.d_queries, own.width,
                  queries, args.head_size);
  }
}

/** All gradients of one unit: d_queries is [group, rows, E] of scratch. */
template <typename T>
void backward_unit(const AttentionBackwardArgs& args, const Backward& own, const Unit& unit,
                   const float* delta, float* d_queries) {
  const int64_t group = args.heads / args.kv_heads;
  for (int64_t key = 0; key < unit.rows; key += kTile) {
    backward_keys<T>(args, own, unit, key, delta, d_queries);
  }
  for (int64_t g = 0; g < group; ++g) {
    write_tile<T>(args.d_q, unit.row, (unit.kv_head * group + g) * args.head_size,
                  d_queries + g * unit.rows * own.width, own.width, unit.rows, args.head_size);
  }
}

template <typename T>
void write_delta(const AttentionBackwardArgs& args, bool parallel, float* delta) {
#pragma omp parallel for schedule(static) if (parallel)
  for (int64_t t = 0; t < args.q.rows; ++t) {
    for (int64_t h = 0; h < args.heads; ++h) {
      const T* out = at<T>(args.out, t, h * args.head_size);
      const T* d_out = at<T>(args.d_out, t, h * args.head_size);
      Vec total = {};
      for_lanes(args.head_size, [&](int64_t e, auto lanes) {
        total += load(out + e, lanes) * load(d_out + e, lanes);
      });
      delta[h * args.q.rows + t] = sum(total);
    }
  }
}

/** How the work is shared out. */
struct Sharing {
  bool parallel, by_unit;
  int threads;
  int64_t d_queries;  // floats of scratch a thread, by unit
};

Sharing sharing_of(const AttentionBackwardArgs& args, int64_t width) {
  const int64_t group = args.heads / args.kv_heads;
  double total = 0, largest = 0;
  int64_t longest = 0;
  for (int64_t s = 0; s < args.documents; ++s) {
    const int64_t rows = args.starts[s + 1] - args.starts[s];
    const double work = static_cast<double>(rows) * static_cast<double>(rows);
    total += work * static_cast<double>(args.kv_heads);
    if (rows > longest) longest = rows, largest = work;
  }
  Sharing sharing;
  const double elements = total * static_cast<double>(group * args.head_size);
  sharing.parallel = elements > static_cast<double>(kParallelWork) * 4;
  sharing.threads = sharing.parallel ? max_threads() : 1;
  sharing.d_queries = group * longest * width;
  const double shares = total / (largest > 0 ? largest * sharing.threads : 1);
  const double rounds = __builtin_ceil(shares);
  constexpr int64_t kMost = int64_t{16} << 20;  // floats of all threads together
  sharing.by_unit = rounds <= 1.4 * shares && sharing.d_queries * sharing.threads <= kMost;
  return sharing;
}

template <typename T>
void backward_tiles(const AttentionBackwardArgs& args, const Sharing& sharing, const float* delta) {
  const Tiles tiles(args.starts, args.documents);
  const Backward shape(args.head_size);
  Scratch scratch(shape.size() * sharing.threads);
  const int64_t items = tiles.count() * args.kv_heads;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sharing.threads) if (sharing.parallel)
  for (int64_t item = 0; item < 2 * items; ++item) {
    const int64_t index = item / 2 / args.kv_heads, s = tiles.document_of(index);
    const int64_t first = (index - tiles.prefix[s]) * kTile;
    const Unit unit = {args.starts[s], args.starts[s + 1] - args.starts[s],
                       item / 2 % args.kv_heads};
    Backward own = shape;
    own.place(scratch.data() + shape.size() * thread_index());
    if (item % 2 == 0) {
      backward_keys<T>(args, own, unit, first, delta, nullptr);
    } else {
      backward_queries<T>(args, own, unit, first, delta);
    }
  }
}

template <typename T>
void backward_units(const AttentionBackwardArgs& args, const Sharing& sharing, const float* delta) {
  const Backward shape(args.head_size);
  const int64_t each = shape.size() + sharing.d_queries;
  Scratch scratch(each * sharing.threads);
  const int64_t items = args.documents * args.kv_heads;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sharing.threads) if (sharing.parallel)
  for (int64_t item = 0; item < items; ++item) {
    const int64_t s = item / args.kv_heads;
    const Unit unit = {args.starts[s], args.starts[s + 1] - args.starts[s], item % args.kv_heads};
    Backward own = shape;
    float* memory = scratch.data() + each * thread_index();
    own.place(memory);
    backward_unit<T>(args, own, unit, delta, memory + shape.size());
  }
}

template <typename T>
void backward(const AttentionBackwardArgs& args) {
  const Sharing sharing = sharing_of(args, padded(args.head_size));
  Scratch delta(args.heads * args.q.rows);
  write_delta<T>(args, sharing.parallel, delta.data());
  if (sharing.by_unit) {
    backward_units<T>(args, sharing, delta.data());
  } else {
    backward_tiles<T>(args, sharing, delta.data());
  }
}

}  // namespace

void Kernels::attention_backward(const AttentionBackwardArgs& args) {
  if (args.documents == 0 || args.q.rows == 0) return;
  args.q.dtype == DType::bf16 ? backward<uint16_t>(args) : backward<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
