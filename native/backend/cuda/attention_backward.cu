// Attention backward in three kernels without atomics, so that the bits are the same at every run:
// delta (the row sums of d_out * out), the gradients of a tile of keys and values over all queries
// that see it, and those of a tile of queries over all its keys. Scores are made twice: seven
// products of two operations E for each visited pair where an order of additions into d_q would
// need five, but no float32 sums of d_q go through memory (2 * 4 T H E bytes for each key tile) and
// no block waits. A group's query heads are summed inside the block of their key/value head.
#include "backend/cuda/attention_float.h"
#include "backend/cuda/attention_hopper.h"
#include "backend/cuda/kernels.h"

namespace attune::cuda {
namespace {

/** Head sizes above 128 take half the rows, and half the columns of d_k and d_v, at a time. */
template <int P>
constexpr int kWarpsOf = P > 128 ? 2 : 4;
template <int P>
constexpr int kRowsOf = 16 * kWarpsOf<P>;
template <int P>
constexpr int kColumnsOf = P > 128 ? P / 2 : P;
template <int P>
constexpr int kOther = P > 192 ? 16 : 32;  // rows of the other side at a time

template <int P>
constexpr size_t kBackwardShared = sizeof(bf16) * kTileStride<P>*(2 * kRowsOf<P> + 4 * kOther<P>)+(
                                                      kRowsOf<P> + kOther<P>)*(sizeof(KeyRange) +
                                                                               2 * sizeof(float));

constexpr size_t kMostShared = 99 << 10;  // of sm_86 and sm_89
static_assert(kBackwardShared<128> <= kMostShared && kBackwardShared<192> <= kMostShared &&
              kBackwardShared<256> <= kMostShared);

/** What the kernels read, and where they write. */
struct BackwardHeads {
  HeadMatrix q, k, v, d_out, d_q, d_k, d_v;
  const float* lse;    // [H, T]
  const float* delta;  // [H, T]
};

template <class T>
__global__ void delta_kernel(const T* out, const T* d_out, int64_t out_stride, int64_t d_out_stride,
                             int rows, int heads, int head_size, float* delta) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t pair =
      static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  if (pair >= static_cast<int64_t>(rows) * heads) return;
  const int64_t row = pair / heads, head = pair % heads;
  const T* o = out + row * out_stride + head * head_size;
  const T* d = d_out + row * d_out_stride + head * head_size;
  float total = 0;
  for (int e = lane; e < head_size; e += kWarp) total += to_float(o[e]) * to_float(d[e]);
  total = warp_sum(total);
  if (lane == 0) delta[head * rows + row] = total;
}

/** p and d_s of a query and a key; `product` is q k, `d_p` is d_out v. */
template <bool Plain>
__device__ __forceinline__ void weigh(const AttentionRule& rule, float slope, const KeyRange& range,
                                      bool inside, int key, float lse, float delta, float& product,
                                      float& d_p) {
  const bool visible = inside || (key >= range.first && key <= range.last);
  const Score score = score_of<Plain>(rule, product, slope, key - range.last);
  product = visible ? exp2f(score.value - lse) : 0.0f;
  d_p = visible ? product * (d_p - delta) * score.slope : 0.0f;
}

/** Writes 16 rows of sums, times `scale`, to a head's columns from `first` on. */
template <int Columns>
__device__ __forceinline__ void store_rows(const HeadRows& to, int first_row, int first_column,
                                           int head_size, float scale,
                                           const float (&acc)[Columns][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int e = 0; e < Columns; ++e) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = first_row + lane / 4 + 8 * r;
      if (row >= to.rows) continue;
      store_pair(const_cast<bf16*>(to.data) + row * to.stride,
                 first_column + 8 * e + 2 * (lane % 4), head_size, to.wide, acc[e][2 * r] * scale,
                 acc[e][2 * r + 1] * scale);
    }
  }
}

/** Block (tile of keys, key/value head, half of the columns): d_k and d_v. */
template <int P, bool Plain>
__global__ void __launch_bounds__(kWarp* kWarpsOf<P>)
    attention_keys_kernel(AttentionRule rule, BackwardHeads heads) {
  constexpr int kThreads = kWarp * kWarpsOf<P>, kKeys = kRowsOf<P>, N = kOther<P> / 8;
  constexpr int kTile = kOther<P> * kTileStride<P>, Columns = kColumnsOf<P> / 8;
  auto* k_tile = reinterpret_cast<bf16*>(shared_memory());
  bf16* v_tile = k_tile + kKeys * kTileStride<P>;
  bf16* q_tiles = v_tile + kKeys * kTileStride<P>;  // two
  bf16* d_tiles = q_tiles + 2 * kTile;              // two
  auto* ranges = reinterpret_cast<KeyRange*>(d_tiles + 2 * kTile);
  auto* lses = reinterpret_cast<float*>(ranges + kOther<P>);
  float* deltas = lses + kOther<P>;

  const int first_key = static_cast<int>(blockIdx.x) * kKeys;
  const int kv_head = static_cast<int>(blockIdx.y);
  const int first_column = static_cast<int>(blockIdx.z) * kColumnsOf<P>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, E = rule.head_size;
  const int last_key = min(first_key + kKeys, rule.queries) - 1;
  const int begin = first_key / kOther<P>, end = last_query_of(rule, last_key) / kOther<P> + 1;
  load_tile<P, kKeys, kThreads>(k_tile, heads.k.head(kv_head, E), first_key, E);
  load_tile<P, kKeys, kThreads>(v_tile, heads.v.head(kv_head, E), first_key, E);
  float d_k[Columns][4] = {}, d_v[Columns][4] = {};
  const int count = end - begin, steps = count * rule.group;
  const auto load_queries = [&](int step) {
    const int head = kv_head * rule.group + step / count,
              first = (begin + step % count) * kOther<P>;
    load_tile<P, kOther<P>, kThreads>(q_tiles + step % 2 * kTile, heads.q.head(head, E), first, E);
    load_tile<P, kOther<P>, kThreads>(d_tiles + step % 2 * kTile, heads.d_out.head(head, E), first,
                                      E);
    copy_commit();
  };
  load_queries(0);
  for (int step = 0; step < steps; ++step) {
    const int head = kv_head * rule.group + step / count;
    const int first_query = (begin + step % count) * kOther<P>;
    const int last_query = min(first_query + kOther<P>, rule.queries) - 1;
    if (threadIdx.x < kOther<P>) {
      const int query = min(first_query + static_cast<int>(threadIdx.x), last_query);
      const bool real = first_query + static_cast<int>(threadIdx.x) <= last_query;
      const int64_t at = static_cast<int64_t>(head) * rule.queries + query;
      ranges[threadIdx.x] = real ? keys_of(rule, query) : KeyRange{1, 0};
      lses[threadIdx.x] = heads.lse[at] * kLog2E;
      deltas[threadIdx.x] = heads.delta[at];
    }
    if (step + 1 < steps) {
      load_queries(step + 1);
      copy_wait<1>();
    } else {
      copy_wait<0>();
    }
    __syncthreads();
    const bf16 *q_tile = q_tiles + step % 2 * kTile, *d_tile = d_tiles + step % 2 * kTile;
    float p[N][4] = {}, d_s[N][4] = {};  // transposed: rows are keys
    multiply_transposed<P, N>(p, k_tile + 16 * warp * kTileStride<P>, q_tile);
    multiply_transposed<P, N>(d_s, v_tile + 16 * warp * kTileStride<P>, d_tile);
    const float slope = !Plain && rule.slopes ? rule.slopes[head] : 0.0f;
    const bool inside = last_query - first_query == kOther<P> - 1 &&
                        first_key >= ranges[kOther<P> - 1].first &&
                        first_key + kKeys - 1 <= ranges[0].last;
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int query = 8 * n + 2 * (lane % 4) + i % 2;
        const int key = first_key + 16 * warp + lane / 4 + 8 * (i / 2);
        weigh<Plain>(rule, slope, ranges[query], inside, key, lses[query], deltas[query], p[n][i],
                     d_s[n][i]);
      }
    }
    multiply_rows<P, N, Columns>(d_v, p, d_tile, first_column);
    multiply_rows<P, N, Columns>(d_k, d_s, q_tile, first_column);
    __syncthreads();  // before the tiles are filled again
  }
  store_rows<Columns>(heads.d_k.head(kv_head, E), first_key + 16 * warp, first_column, E,
                      rule.scale, d_k);
  store_rows<Columns>(heads.d_v.head(kv_head, E), first_key + 16 * warp, first_column, E, 1.0f,
                      d_v);
}

/** Block (tile of queries, head): d_q. */
template <int P, bool Plain>
__global__ void __launch_bounds__(kWarp* kWarpsOf<P>)
    attention_queries_kernel(AttentionRule rule, BackwardHeads heads) {
  constexpr int kThreads = kWarp * kWarpsOf<P>, kQueries = kRowsOf<P>, N = kOther<P> / 8;
  constexpr int kTile = kOther<P> * kTileStride<P>;
  auto* q_tile = reinterpret_cast<bf16*>(shared_memory());
  bf16* d_tile = q_tile + kQueries * kTileStride<P>;
  bf16* k_tiles = d_tile + kQueries * kTileStride<P>;  // two
  bf16* v_tiles = k_tiles + 2 * kTile;                 // two
  auto* ranges = reinterpret_cast<KeyRange*>(v_tiles + 2 * kTile);

  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;
  const int head = static_cast<int>(blockIdx.y), kv_head = head / rule.group, E = rule.head_size;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int last_query = min(first_query + kQueries, rule.queries) - 1;
  if (threadIdx.x < kQueries)
    ranges[threadIdx.x] =
        keys_of(rule, min(first_query + static_cast<int>(threadIdx.x), last_query));
  load_tile<P, kQueries, kThreads>(q_tile, heads.q.head(head, E), first_query, E);
  load_tile<P, kQueries, kThreads>(d_tile, heads.d_out.head(head, E), first_query, E);
  __syncthreads();
  const KeyRange lowest = ranges[0], highest = ranges[last_query - first_query];
  const int begin = lowest.first / kOther<P>, end = highest.last / kOther<P> + 1;
  const auto load_keys = [&](int tile) {
    load_tile<P, kOther<P>, kThreads>(k_tiles + tile % 2 * kTile, heads.k.head(kv_head, E),
                                      tile * kOther<P>, E);
    load_tile<P, kOther<P>, kThreads>(v_tiles + tile % 2 * kTile, heads.v.head(kv_head, E),
                                      tile * kOther<P>, E);
    copy_commit();
  };
  load_keys(begin);
  const int row = 16 * warp + lane / 4;
  const KeyRange seen[2] = {ranges[row], ranges[row + 8]};
  const float slope = !Plain && rule.slopes ? rule.slopes[head] : 0.0f;
  float lse[2], delta[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int64_t at =
        static_cast<int64_t>(head) * rule.queries + min(first_query + row + 8 * r, last_query);
    lse[r] = heads.lse[at] * kLog2E;
    delta[r] = heads.delta[at];
  }
  float d_q[P / 8][4] = {};
  for (int tile = begin; tile < end; ++tile) {
    if (tile + 1 < end) {
      load_keys(tile + 1);
      copy_wait<1>();
    } else {
      copy_wait<0>();
    }
    __syncthreads();
    const bf16 *k_tile = k_tiles + tile % 2 * kTile, *v_tile = v_tiles + tile % 2 * kTile;
    float p[N][4] = {}, d_s[N][4] = {};
    multiply_transposed<P, N>(p, q_tile + 16 * warp * kTileStride<P>, k_tile);
    multiply_transposed<P, N>(d_s, d_tile + 16 * warp * kTileStride<P>, v_tile);
    const int first_key = tile * kOther<P>;
    const bool inside = first_key >= highest.first && first_key + kOther<P> - 1 <= lowest.last;
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int key = first_key + 8 * n + 2 * (lane % 4) + i % 2;
        weigh<Plain>(rule, slope, seen[i / 2], inside, key, lse[i / 2], delta[i / 2], p[n][i],
                     d_s[n][i]);
      }
    }
    multiply_rows<P, N, P / 8>(d_q, d_s, k_tile, 0);
    __syncthreads();
  }
  store_rows<P / 8>(heads.d_q.head(head, E), first_query + 16 * warp, 0, E, rule.scale, d_q);
}

template <int P, bool Plain>
void launch_backward(Runtime& runtime, const AttentionRule& rule, const BackwardHeads& heads) {
  const auto tiles = static_cast<unsigned>((rule.queries + kRowsOf<P> - 1) / kRowsOf<P>);
  const dim3 block(kWarp * kWarpsOf<P>);
  const auto kv_heads = static_cast<unsigned>(rule.heads / rule.group);
  launch(runtime, "attention_keys", attention_keys_kernel<P, Plain>,
         Shape{dim3(tiles, kv_heads, P / kColumnsOf<P>), block, kBackwardShared<P>}, rule, heads);
  launch(runtime, "attention_queries", attention_queries_kernel<P, Plain>,
         Shape{dim3(tiles, static_cast<unsigned>(rule.heads)), block, kBackwardShared<P>}, rule,
         heads);
}

}  // namespace

size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t) {
  return static_cast<size_t>(tokens * heads) * sizeof(float);
}

void attention_backward(Runtime& runtime, const AttentionBackwardArgs& args) {
  const AttentionRule rule = rule_of(args, args.starts, args.starts);
  if (rule.queries == 0 || rule.documents == 0) return;
  auto* delta = static_cast<float*>(args.scratch);
  constexpr int kPairs = 4;  // of a block
  const int64_t pairs = static_cast<int64_t>(rule.queries) * rule.heads;
  with_type(args.q.dtype, [&](auto type) {
    using T = decltype(type);
    launch(runtime, "attention_delta", delta_kernel<T>,
           Shape{dim3(static_cast<unsigned>((pairs + kPairs - 1) / kPairs)), dim3(kPairs * kWarp)},
           static_cast<const T*>(args.out.data), static_cast<const T*>(args.d_out.data),
           args.out.stride, args.d_out.stride, rule.queries, rule.heads, rule.head_size, delta);
  });
  if (args.q.dtype == DType::f32) return attention_backward_float(runtime, args, rule, delta);
  if (attention_backward_hopper(runtime, args, rule, delta)) return;
  const auto matrix = [&](const Tensor& x) { return heads_of(x, args.head_size); };
  const BackwardHeads heads = {matrix(args.q),     matrix(args.k),   matrix(args.v),
                               matrix(args.d_out), matrix(args.d_q), matrix(args.d_k),
                               matrix(args.d_v),   args.lse,         delta};
  with_head_size(args.head_size, [&](auto padded) {
    with_plain(plain(rule), [&](auto is_plain) {
      launch_backward<decltype(padded)::value, decltype(is_plain)::value>(runtime, rule, heads);
    });
  });
}

}  // namespace attune::cuda
