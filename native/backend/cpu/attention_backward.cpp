// Gradients of attention in tiles; the probabilities are formed again from lse.
//
// A thread takes one (document, key/value head) where that balances; otherwise d_k, d_v are formed
// by key tile and d_q by query tile, at 7 products a tile rather than 5. Both ways add the same
// terms in the same order: a result does not depend on the threads.
#include "backend/cpu/attention_tile.h"
#include "backend/cpu/kernels.h"

namespace attune {
namespace ATTUNE_ISA {
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
void score_tiles(const AttentionBackwardArgs& args, const Backward& own, int64_t head,
                 const float* lse, const float* delta, int64_t query, int64_t queries, int64_t key,
                 int64_t keys) {
  const int64_t size = args.head_size;
  const ScoreRule rule = rule_of(args, head);
  product_tile({queries, keys, size, own.queries, own.width, 1, own.keys_across, kTile, own.scores,
                kTile, false},
               query == key, Lower::c);
  product_tile({queries, keys, size, own.d_out, own.width, 1, own.values_across, kTile,
                own.d_scores, kTile, false},
               query == key, Lower::c);
  for (int64_t r = 0; r < queries; ++r) {
    float* p = own.scores + r * kTile;
    float* d = own.d_scores + r * kTile;
    const int64_t visible = at_most(query + r + 1 - key, keys);
    const auto write = [&](int64_t j, auto lanes, Vec score, Vec factor) {
      const Vec value = exp_nonpositive(score - lse[r]);
      const Vec slope = value * (load(d + j, Full{}) - delta[r]) * factor;
      store(p + j, only(value, lanes), Full{});
      store(d + j, only(slope, lanes), Full{});
    };
    if (rule.plain()) {
      for_lanes(visible, [&](int64_t j, auto lanes) {
        write(j, lanes, load(p + j, Full{}) * args.scale, broadcast(args.scale));
      });
    } else {
      for_lanes(visible, [&](int64_t j, auto lanes) {
        const Score score = score_of(rule, load(p + j, Full{}) * args.scale, key + j - (query + r));
        write(j, lanes, score.value, score.slope * args.scale);
      });
    }
    const int64_t hidden = before_window(args.window, query + r, key, keys);
    for (int64_t j = 0; j < hidden; ++j) p[j] = d[j] = 0;
    blank(p, padded(visible), keys);
    blank(d, padded(visible), keys);
  }
}

void add_d_queries(const AttentionBackwardArgs& args, const Backward& own, int64_t queries,
                   int64_t keys, bool diagonal, bool accumulate, float* to) {
  product_tile({queries, args.head_size, keys, own.d_scores, kTile, 1, own.keys, own.width, to,
                own.width, accumulate},
               diagonal, Lower::a);
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
  const int64_t last =
      args.window > 0 ? at_most(unit.rows, key + keys - 1 + args.window) : unit.rows;
  load_keys<T>(args, own, unit, key, keys);
  bool accumulate = false;
  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = unit.kv_head * group + g, line = head * args.q.rows + unit.row;
    for (int64_t query = key; query < last; query += kTile) {
      const int64_t queries = at_most(unit.rows - query, kTile);
      load_queries<T>(args, own, unit, head, query, queries);
      score_tiles(args, own, head, args.lse + line + query, delta + line + query, query, queries,
                  key, keys);
      product_tile({keys, size, queries, own.scores, 1, kTile, own.d_out, width, own.d_values,
                    width, accumulate},
                   query == key, Lower::transposed_a);
      product_tile({keys, size, queries, own.d_scores, 1, kTile, own.queries, width, own.d_keys,
                    width, accumulate},
                   query == key, Lower::transposed_a);
      accumulate = true;
      if (d_queries) {
        add_d_queries(args, own, queries, keys, query == key,
                      key > first_key_tile(args.window, query),
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
    const int64_t first = first_key_tile(args.window, query);
    for (int64_t key = first; key <= query; key += kTile) {
      const int64_t keys = at_most(unit.rows - key, kTile);
      load_keys<T>(args, own, unit, key, keys);
      score_tiles(args, own, head, args.lse + line, delta + line, query, queries, key, keys);
      add_d_queries(args, own, queries, keys, query == key, key > first, own.d_queries);
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
    const int64_t seen = args.window > 0 ? at_most(rows, args.window) : rows;
    const double work = static_cast<double>(rows) * static_cast<double>(seen);
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
