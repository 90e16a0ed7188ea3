// Attention backward for Hopper: the two kernels of attention_backward.cu, whose notes on order
// and cost hold here, on tiles of 128 rows. One thread begins all copies, two tiles ahead, and for
// keys 64 others note what each query sees; two warpgroups take 64 rows each, and one's
// exponentials fall in the other's products. Rows of the block are the left operand and stay in
// shared memory, weights go from product to product in registers. Shared memory for head size
// 64 / 128: keys 66 / 130 KiB, queries 97 / 193 KiB.
#include <climits>

#include "backend/cuda/attention_hopper.h"

namespace attune::cuda {
namespace {

constexpr int kRows = 128;  // of a block
constexpr int kStages = 2;
constexpr int kGroups = 2, kThreads = (1 + kGroups) * kWarpgroup;

struct BackwardMaps {
  TensorMap q, k, v, d_out;
};

/** Sums [H, T] of the forward pass and of `attention_delta`. */
struct RowSums {
  const float* lse;
  const float* delta;
};

constexpr int kQueries = 64;  // at a time, of the kernel for keys

/** What a key's column needs of a query. */
struct __align__(16) QueryFacts {
  KeyRange seen;
  float lse, delta;
};

template <int E>
struct KeyTiles {
  bf16 k[kRows * E], v[kRows * E];
  bf16 q[kStages][kQueries * E], d_out[kStages][kQueries * E];
  QueryFacts facts[kStages][kQueries];
  TileBarrier kv_full, full[kStages], free[kStages];
};

/** The queries that see a block's keys: tiles from `begin` on, for each head of the group. */
template <int Rows>
struct Steps {
  int first_head, begin, tiles, count;
  __device__ Steps(const AttentionRule& rule, int kv_head, int first_key) {
    const int last_key = min(first_key + kRows, rule.queries) - 1;
    first_head = kv_head * rule.group;
    begin = first_key / Rows;
    tiles = last_query_of(rule, last_key) / Rows + 1 - begin;
    count = tiles * rule.group;
  }
  __device__ int head(int step) const { return first_head + step / tiles; }
  __device__ int first_query(int step) const { return (begin + step % tiles) * Rows; }
};

/** By one thread. */
template <int E>
__device__ __forceinline__ void produce_queries(KeyTiles<E>& tiles, const BackwardMaps& maps,
                                                const Steps<kQueries>& steps) {
  for (int step = 0; step < steps.count; ++step) {
    const int stage = step % kStages, head = steps.head(step), first = steps.first_query(step);
    barrier_wait(tiles.free[stage], step / kStages % 2 ^ 1);
    copy_head<E, kQueries>(tiles.q[stage], maps.q, first, head, tiles.full[stage]);
    copy_head<E, kQueries>(tiles.d_out[stage], maps.d_out, first, head, tiles.full[stage]);
  }
}

/** By as many threads as there are queries; `i` is the thread's. */
template <int E>
__device__ __forceinline__ void note_queries(KeyTiles<E>& tiles, const AttentionRule& rule,
                                             const RowSums& sums, const Steps<kQueries>& steps,
                                             int i) {
#pragma unroll 1
  for (int step = 0; step < steps.count; ++step) {
    const int stage = step % kStages, own = steps.first_query(step) + i;
    const int query = min(own, rule.queries - 1);
    const int64_t at = static_cast<int64_t>(steps.head(step)) * rule.queries + query;
    QueryFacts& facts = tiles.facts[stage][i];
    barrier_wait(tiles.free[stage], step / kStages % 2 ^ 1);
    facts.lse = sums.lse[at] * kLog2E;
    facts.delta = sums.delta[at];
    facts.seen = own == query ? keys_of(rule, query) : KeyRange{INT_MAX, INT_MAX};
    barrier_arrive(tiles.full[stage]);
  }
}

/** d_k and d_v of 64 keys, without the scale. */
template <int E>
__device__ __forceinline__ void consume_queries(KeyTiles<E>& tiles, float (&d_k)[E / 8][4],
                                                float (&d_v)[E / 8][4], float scale, int group,
                                                int first_key, int count) {
  constexpr int N = kQueries / 8;
  const uint64_t keys = tile_descriptor(tiles.k, kRows) + descriptor_row(64 * group);
  const uint64_t values = tile_descriptor(tiles.v, kRows) + descriptor_row(64 * group);
  const int key = first_key + 64 * group + own_row();
  const int column = 2 * (static_cast<int>(threadIdx.x) % 4);
  float p[N][4], d_s[N][4];  // transposed: rows are keys
  barrier_wait(tiles.kv_full, 0);
  for (int step = 0; step < count; ++step) {
    const int stage = step % kStages;
    const uint64_t queries = tile_descriptor(tiles.q[stage], kQueries);
    const uint64_t upstream = tile_descriptor(tiles.d_out[stage], kQueries);
    const QueryFacts* facts = tiles.facts[stage];
    barrier_wait(tiles.full[stage], step / kStages % 2);
    wgmma_fence();
    begin_transposed<E, kRows, kQueries>(p, keys, queries);
    begin_transposed<E, kRows, kQueries>(d_s, values, upstream);
    const int first = first_key + 64 * group, last = first + 63;
    const bool inside = first >= facts[kQueries - 1].seen.first && last <= facts[0].seen.last;
    wgmma_wait<1>(p);
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const QueryFacts query = facts[8 * n + column + i];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          float& own = p[n][2 * r + i];
          own = fast_exp2(fmaf(own, scale, -query.lse));
          const auto at = static_cast<unsigned>(key + 8 * r - query.seen.first);
          if (!inside && at > static_cast<unsigned>(query.seen.last - query.seen.first)) own = 0;
        }
      }
    }
    wgmma_wait<0>(d_s);
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        d_s[n][i] = p[n][i] * (d_s[n][i] - facts[8 * n + column + i % 2].delta);
    }
    uint32_t weights[N / 2][4], slopes[N / 2][4];
    round_sums(weights, p);
    round_sums(slopes, d_s);
    wgmma_fence();
    begin_rows(d_v, weights, upstream);
    begin_rows(d_k, slopes, queries);
    wgmma_wait<0>(d_v, d_k);
    barrier_arrive_warp(tiles.free[stage]);
  }
}

/** Block (tile of keys, key/value head): d_k and d_v. */
template <int E>
__global__ void __launch_bounds__(kThreads, 1)
    attention_keys_hopper_kernel(AttentionRule rule, const __grid_constant__ BackwardMaps maps,
                                 RowSums sums, HeadMatrix d_k, HeadMatrix d_v) {
#if ATTUNE_HAS_HOPPER
  auto& tiles = *reinterpret_cast<KeyTiles<E>*>(shared_memory());
  const int first_key = static_cast<int>(blockIdx.x) * kRows;
  const int kv_head = static_cast<int>(blockIdx.y);
  if (threadIdx.x == 0) {
    barrier_init(tiles.kv_full, 2);
    for (int stage = 0; stage < kStages; ++stage) {
      barrier_init(tiles.full[stage], 2 + kQueries);  // two copies, and those who note
      barrier_init(tiles.free[stage], kGroups * kGroupWarps);
    }
    barrier_init_fence();
    copy_head<E, kRows>(tiles.k, maps.k, first_key, kv_head, tiles.kv_full);
    copy_head<E, kRows>(tiles.v, maps.v, first_key, kv_head, tiles.kv_full);
  }
  __syncthreads();
  const Steps<kQueries> steps(rule, kv_head, first_key);
  const int group = warpgroup() - 1;
  if (group < 0) {
    release_registers<40>();
    if (threadIdx.x == 0) produce_queries<E>(tiles, maps, steps);
    const int noting =
        static_cast<int>(threadIdx.x) - kWarp;  // other warps than the one that copies
    if (noting >= 0 && noting < kQueries) note_queries<E>(tiles, rule, sums, steps, noting);
    return;
  }
  claim_registers<232>();
  float k_sums[E / 8][4] = {}, v_sums[E / 8][4] = {};
  consume_queries<E>(tiles, k_sums, v_sums, rule.scale * kLog2E, group, first_key, steps.count);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int key = first_key + 64 * group + own_row() + 8 * r;
    if (key >= d_k.rows) continue;
    store_sums(d_k, kv_head, key, k_sums, r, rule.scale);
    store_sums(d_v, kv_head, key, v_sums, r, 1.0f);
  }
#else
  __trap();  // the library has no code for sm_90a
#endif
}

constexpr int kKeys = 128;  // at a time, of the kernel for queries

template <int E>
struct QueryTiles {
  bf16 q[kRows * E], d_out[kRows * E];
  bf16 k[kStages][kKeys * E], v[kStages][kKeys * E];
  KeyRange ranges[kRows];
  TileBarrier q_full, full[kStages], free[kStages];
};

template <int E>
__device__ __forceinline__ void produce_keys(QueryTiles<E>& tiles, const BackwardMaps& maps,
                                             int kv_head, int begin, int count) {
  for (int i = 0; i < count; ++i) {
    const int stage = i % kStages, row = (begin + i) * kKeys;
    barrier_wait(tiles.free[stage], i / kStages % 2 ^ 1);
    copy_head<E, kKeys>(tiles.k[stage], maps.k, row, kv_head, tiles.full[stage]);
    copy_head<E, kKeys>(tiles.v[stage], maps.v, row, kv_head, tiles.full[stage]);
  }
}

/** d_q of 64 queries, without the scale; the thread's are `row` and `row` + 8 of the block. */
template <int E>
__device__ __forceinline__ void consume_keys(QueryTiles<E>& tiles, float (&d_q)[E / 8][4],
                                             float scale, const float (&lse)[2],
                                             const float (&delta)[2], int group, int begin,
                                             int count) {
  constexpr int N = kKeys / 8;
  const int row = 64 * group + own_row();
  const KeyRange seen[2] = {tiles.ranges[row], tiles.ranges[row + 8]};
  const KeyRange lowest = tiles.ranges[64 * group], highest = tiles.ranges[64 * group + 63];
  const uint64_t queries = tile_descriptor(tiles.q, kRows) + descriptor_row(64 * group);
  const uint64_t upstream = tile_descriptor(tiles.d_out, kRows) + descriptor_row(64 * group);
  float p[N][4], d_s[N][4];
  barrier_wait(tiles.q_full, 0);
  for (int i = 0; i < count; ++i) {
    const int stage = i % kStages, first_key = (begin + i) * kKeys;
    const uint64_t keys = tile_descriptor(tiles.k[stage], kKeys);
    const uint64_t values = tile_descriptor(tiles.v[stage], kKeys);
    barrier_wait(tiles.full[stage], i / kStages % 2);
    wgmma_fence();
    begin_transposed<E, kRows, kKeys>(p, queries, keys);
    begin_transposed<E, kRows, kKeys>(d_s, upstream, values);
    wgmma_wait<1>(p);
    const bool inside = first_key >= highest.first && first_key + kKeys - 1 <= lowest.last;
    if (!inside) hide(p, seen, first_key);
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int j = 0; j < 4; ++j) p[n][j] = fast_exp2(fmaf(p[n][j], scale, -lse[j / 2]));
    }
    wgmma_wait<0>(d_s);
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int j = 0; j < 4; ++j) p[n][j] *= d_s[n][j] - delta[j / 2];
    }
    uint32_t slopes[N / 2][4];
    round_sums(slopes, p);
    wgmma_fence();
    begin_rows(d_q, slopes, keys);
    wgmma_wait<0>(d_q);
    barrier_arrive_warp(tiles.free[stage]);
  }
}

/** Block (tile of queries, head): d_q. */
template <int E>
__global__ void __launch_bounds__(kThreads, 1)
    attention_queries_hopper_kernel(AttentionRule rule, const __grid_constant__ BackwardMaps maps,
                                    RowSums sums, HeadMatrix d_q) {
#if ATTUNE_HAS_HOPPER
  auto& tiles = *reinterpret_cast<QueryTiles<E>*>(shared_memory());
  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kRows;
  const int head = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int last_query = min(first_query + kRows, rule.queries) - 1;
  if (thread == kRows) {
    barrier_init(tiles.q_full, 2);
    for (int stage = 0; stage < kStages; ++stage) {
      barrier_init(tiles.full[stage], 2);
      barrier_init(tiles.free[stage], kGroups * kGroupWarps);
    }
    barrier_init_fence();
    copy_head<E, kRows>(tiles.q, maps.q, first_query, head, tiles.q_full);
    copy_head<E, kRows>(tiles.d_out, maps.d_out, first_query, head, tiles.q_full);
  }
  if (thread < kRows) tiles.ranges[thread] = keys_of(rule, min(first_query + thread, last_query));
  __syncthreads();
  const int begin = tiles.ranges[0].first / kKeys;
  const int count = tiles.ranges[kRows - 1].last / kKeys + 1 - begin;
  const int group = warpgroup() - 1;
  if (group < 0) {
    release_registers<24>();
    if (thread == 0) produce_keys<E>(tiles, maps, head / rule.group, begin, count);
    return;
  }
  claim_registers<240>();
  const int row = first_query + 64 * group + own_row();
  float acc[E / 8][4] = {}, lse[2], delta[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int64_t at = static_cast<int64_t>(head) * rule.queries + min(row + 8 * r, last_query);
    lse[r] = sums.lse[at] * kLog2E;
    delta[r] = sums.delta[at];
  }
  consume_keys<E>(tiles, acc, rule.scale * kLog2E, lse, delta, group, begin, count);
#pragma unroll
  for (int r = 0; r < 2; ++r)
    if (row + 8 * r <= last_query) store_sums(d_q, head, row + 8 * r, acc, r, rule.scale);
#else
  __trap();  // the library has no code for sm_90a
#endif
}

template <int E>
void launch_backward(Runtime& runtime, const AttentionBackwardArgs& args, const AttentionRule& rule,
                     const float* delta) {
  const auto tiles = static_cast<unsigned>((rule.queries + kRows - 1) / kRows);
  const auto heads = static_cast<unsigned>(rule.heads);
  const auto kv_heads = static_cast<unsigned>(rule.heads / rule.group);
  const RowSums sums = {args.lse, delta};
  const TensorMap k = map_of(args.k, kRows), v = map_of(args.v, kRows);
  const BackwardMaps by_keys = {map_of(args.q, kQueries), k, v, map_of(args.d_out, kQueries)};
  launch(runtime, "attention_keys_hopper", attention_keys_hopper_kernel<E>,
         Shape{dim3(tiles, kv_heads), dim3(kThreads), sizeof(KeyTiles<E>)}, rule, by_keys, sums,
         heads_of(args.d_k, E), heads_of(args.d_v, E));
  const BackwardMaps by_queries = {map_of(args.q, kRows), k, v, map_of(args.d_out, kRows)};
  launch(runtime, "attention_queries_hopper", attention_queries_hopper_kernel<E>,
         Shape{dim3(tiles, heads), dim3(kThreads), sizeof(QueryTiles<E>)}, rule, by_queries, sums,
         heads_of(args.d_q, E));
}

}  // namespace

bool attention_backward_hopper(Runtime& runtime, const AttentionBackwardArgs& args,
                               const AttentionRule& rule, const float* delta) {
  if (!serves_hopper(runtime, rule,
                     {&args.q, &args.k, &args.v, &args.d_out, &args.d_q, &args.d_k, &args.d_v}))
    return false;
  rule.head_size == 64 ? launch_backward<64>(runtime, args, rule, delta)
                       : launch_backward<128>(runtime, args, rule, delta);
  return true;
}

}  // namespace attune::cuda
