// What the attention kernels share: which keys a query sees, how a score is made, and how tiles of
// rows reach shared memory.
//
// A packed row is cut into tiles of queries and of keys without regard to its documents. Query i
// sees the keys [first, last] of its own document, window and position; both grow with i, so that
// the keys of a tile of queries reach from `first` of its first row to `last` of its last one, and
// no other key tile is visited. The grid thus depends on sizes alone, not on where documents begin.
#pragma once
#include <cfloat>

#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.h"
#include "backend/cuda/tile.h"
#include "ops/attention.h"

namespace attune::cuda {

constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

/** The documents, and what is done to a score. */
struct AttentionRule {
  const int32_t* q_starts;
  const int32_t* k_starts;
  int documents, queries, heads, group, head_size;
  int window;  // 0: none
  float scale, soft_cap;
  const float* slopes;
};

/** Keys that a query sees; `last` is the one at its own position. */
struct KeyRange {
  int first, last;
};

/** The last document that begins at or before `row`, by bisection. */
__device__ inline int document_of(const int32_t* starts, int documents, int row) {
  int low = 0, high = documents;  // starts[low] <= row < starts[high]
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (starts[middle] <= row) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

__device__ inline KeyRange keys_of(const AttentionRule& rule, int query) {
  const int d = document_of(rule.q_starts, rule.documents, query);
  const int first = rule.k_starts[d];
  const int last = rule.k_starts[d + 1] - (rule.q_starts[d + 1] - query);
  const int nearest = rule.window > 0 ? last - rule.window + 1 : first;
  return {nearest > first ? nearest : first, last};
}

/** The last query that sees `key`; in training, where queries and keys are the same tokens. */
__device__ inline int last_query_of(const AttentionRule& rule, int key) {
  const int d = document_of(rule.q_starts, rule.documents, key);
  const int last = rule.q_starts[d + 1] - 1;
  const int farthest = rule.window > 0 ? key + rule.window - 1 : last;
  return farthest < last ? farthest : last;
}

struct Score {
  float value;  // times log2 e, as exp2 wants it
  float slope;  // d value / d product, without the scale
};

/** Of a query's product with a key; `distance` = key - own position, at most 0. */
template <bool Plain>
__device__ __forceinline__ Score score_of(const AttentionRule& rule, float product, float slope,
                                          int distance) {
  float s = product * rule.scale, derivative = 1.0f;
  if constexpr (!Plain) {
    if (rule.soft_cap > 0) {
      const float t = tanhf(s / rule.soft_cap);
      s = rule.soft_cap * t;
      derivative = 1.0f - t * t;
    }
    s += slope * static_cast<float>(distance);
  }
  return {s * kLog2E, derivative};
}

using HeadRows = TileSource;

/** acc[n][..] += A B^T: A 16 rows of `a`, B the 8 * N rows of `b`, both [.., P] tiles. */
template <int P, int N>
__device__ __forceinline__ void multiply_transposed(float (&acc)[N][4], const bf16* a,
                                                    const bf16* b) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < P; k += 16) {
    uint32_t left[4];
    ldmatrix(left, a + (lane % 16) * kTileStride<P> + k + 8 * (lane / 16));
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      uint32_t right[4];
      ldmatrix(right,
               b + (8 * n + lane % 8 + 8 * (lane / 16)) * kTileStride<P> + k + 8 * (lane / 8 % 2));
      const uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
      mma(acc[n], left, even);
      mma(acc[n + 1], left, odd);
    }
  }
}

/**
 * acc[e][..] += W B: W [16, 8 * N] held as sums of `multiply_transposed`, rounded to bf16 here; B
 * the 8 * N rows of `b`, of which columns [first, first + 8 * Columns) count.
 */
template <int P, int N, int Columns>
__device__ __forceinline__ void multiply_rows(float (&acc)[Columns][4], const float (&w)[N][4],
                                              const bf16* b, int first) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int n = 0; n < N; n += 2) {
    const uint32_t left[4] = {pack_bf16(w[n][0], w[n][1]), pack_bf16(w[n][2], w[n][3]),
                              pack_bf16(w[n + 1][0], w[n + 1][1]),
                              pack_bf16(w[n + 1][2], w[n + 1][3])};
#pragma unroll
    for (int e = 0; e < Columns; e += 2) {
      uint32_t right[4];
      ldmatrix_transposed(
          right, b + (8 * n + lane % 16) * kTileStride<P> + first + 8 * e + 8 * (lane / 16));
      const uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
      mma(acc[e], left, even);
      mma(acc[e + 1], left, odd);
    }
  }
}

/** Two columns of a head's row, at once where rows are `wide`; `column` is even. */
__device__ __forceinline__ void store_pair(bf16* row, int column, int head_size, bool wide,
                                           float first, float second) {
  if (column >= head_size) return;
  if (wide) {
    *reinterpret_cast<uint32_t*>(row + column) = pack_bf16(first, second);
    return;
  }
  row[column] = to_bf16(first);
  if (column + 1 < head_size) row[column + 1] = to_bf16(second);
}

/** The rule of a call; templates are chosen by `plain` and by the padded head size. */
template <class Args>
AttentionRule rule_of(const Args& args, const int32_t* q_starts, const int32_t* k_starts) {
  return {q_starts,
          k_starts,
          static_cast<int>(args.documents),
          static_cast<int>(args.q.rows),
          static_cast<int>(args.heads),
          static_cast<int>(args.heads / args.kv_heads),
          static_cast<int>(args.head_size),
          static_cast<int>(args.window),
          args.scale,
          args.soft_cap,
          args.slopes};
}

inline bool plain(const AttentionRule& rule) { return rule.soft_cap == 0 && !rule.slopes; }

/** A tensor whose heads lie side by side. */
struct HeadMatrix {
  bf16* data;
  int64_t stride;
  int rows;
  bool wide;

  __device__ HeadRows head(int index, int head_size) const {
    return {data + static_cast<int64_t>(index) * head_size, stride, rows, wide};
  }
};

inline HeadMatrix heads_of(const Tensor& x, int64_t head_size) {
  return {static_cast<bf16*>(x.data), x.stride, static_cast<int>(x.rows),
          vectorizable<bf16>(x.data, x.stride) && head_size % 8 == 0};
}

template <class F>
void with_head_size(int64_t head_size, const F& f) {
  if (head_size <= 32) return f(std::integral_constant<int, 32>());
  if (head_size <= 64) return f(std::integral_constant<int, 64>());
  if (head_size <= 96) return f(std::integral_constant<int, 96>());
  if (head_size <= 128) return f(std::integral_constant<int, 128>());
  if (head_size <= 192) return f(std::integral_constant<int, 192>());
  f(std::integral_constant<int, 256>());
}

template <class F>
void with_plain(bool is_plain, const F& f) {
  if (is_plain) return f(std::true_type());
  f(std::false_type());
}

}  // namespace attune::cuda
