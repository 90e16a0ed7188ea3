// Attention forward for Hopper: bfloat16, head sizes 64 and 128, without soft cap and slopes. A
// block takes 128 queries of a head. One thread of its first warpgroup begins all copies, two key
// tiles ahead; two warpgroups take 64 queries each. A warpgroup has the scores of the next tile
// and the products of the last one under way together, and makes the softmax of the first while
// the second goes on; the two take turns in beginning products, so that one's softmax falls in the
// other's products. Tiles are visited as in attention.cu, whose notes on packed rows hold here.
// Work: 4 E operations for each pair that is visited. Shared memory: 81 or 161 KiB.
// (J. Shah et al., arXiv 2407.08608.)
#include "backend/cuda/attention_hopper.h"

namespace attune::cuda {
namespace {

constexpr int kQueries = 128, kKeys = 128, kStages = 2;
constexpr int kGroups = 2, kThreads = (1 + kGroups) * kWarpgroup;

/** Of shared memory. */
template <int E>
struct Tiles {
  bf16 q[kQueries * E];
  bf16 k[kStages][kKeys * E];
  bf16 v[kStages][kKeys * E];
  KeyRange ranges[kQueries];
  TileBarrier q_full, k_full[kStages], v_full[kStages], k_free[kStages], v_free[kStages];
};

template <int E>
__device__ __forceinline__ void init_barriers(Tiles<E>& tiles) {
  constexpr int kWarps = kGroups * kGroupWarps;  // that use a tile
  barrier_init(tiles.q_full, 1);
  for (int stage = 0; stage < kStages; ++stage) {
    barrier_init(tiles.k_full[stage], 1);
    barrier_init(tiles.v_full[stage], 1);
    barrier_init(tiles.k_free[stage], kWarps);
    barrier_init(tiles.v_free[stage], kWarps);
  }
  barrier_init_fence();
}

/** The softmax of a thread's two rows as it grows. */
template <int N>
struct Softmax {
  float most[2] = {-INFINITY, -INFINITY};  // of the products as they are
  float total[2] = {};                     // of the thread's columns
  float factor[2];                         // of what was summed before the last tile

  /** Turns products into weights; `scale` is that of the scores, times log2 e. */
  __device__ __forceinline__ void weigh(float (&s)[N][4], float scale) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float peak = most[r];
#pragma unroll
      for (int n = 0; n < N; ++n) peak = fmaxf(peak, fmaxf(s[n][2 * r], s[n][2 * r + 1]));
      peak = fmaxf(peak, __shfl_xor_sync(kAllLanes, peak, 1));
      peak = fmaxf(peak, __shfl_xor_sync(kAllLanes, peak, 2));
      const float base = peak == -INFINITY ? 0.0f : peak * scale;  // nothing seen yet
      factor[r] = fast_exp2(most[r] * scale - base);
      most[r] = peak;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < N; ++n) {
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) {
          s[n][i] = fast_exp2(fmaf(s[n][i], scale, -base));
          sum += s[n][i];
        }
      }
      total[r] = total[r] * factor[r] + sum;
    }
  }
};

template <int E>
__device__ __forceinline__ void produce(Tiles<E>& tiles, const TensorMap& k, const TensorMap& v,
                                        int kv_head, int begin, int count) {
  for (int i = 0; i < count; ++i) {
    const int stage = i % kStages, parity = i / kStages % 2, row = (begin + i) * kKeys;
    barrier_wait(tiles.k_free[stage], parity ^ 1);
    copy_head<E, kKeys>(tiles.k[stage], k, row, kv_head, tiles.k_full[stage]);
    barrier_wait(tiles.v_free[stage], parity ^ 1);
    copy_head<E, kKeys>(tiles.v[stage], v, row, kv_head, tiles.v_full[stage]);
  }
}

/** The sums and the softmax of 64 queries; `group` is 0 or 1. */
template <int E>
__device__ __forceinline__ void consume(Tiles<E>& tiles, float (&acc)[E / 8][4],
                                        Softmax<kKeys / 8>& softmax, float scale, int group,
                                        int row, int begin, int count) {
  const KeyRange seen[2] = {tiles.ranges[row], tiles.ranges[row + 8]};
  const KeyRange lowest = tiles.ranges[64 * group], highest = tiles.ranges[64 * group + 63];
  const uint64_t queries = tile_descriptor(tiles.q, kQueries) + descriptor_row(64 * group);
  constexpr int kTurn = 1;  // named barriers: of the first warpgroup, and of the second
  float s[kKeys / 8][4];
  uint32_t weights[kKeys / 16][4];
  const auto begin_scores = [&](int i) {
    barrier_wait(tiles.k_full[i % kStages], i / kStages % 2);
    wgmma_fence();
    begin_transposed<E, kQueries, kKeys>(s, queries, tile_descriptor(tiles.k[i % kStages], kKeys));
  };
  const auto begin_sums = [&](int i) {
    barrier_wait(tiles.v_full[i % kStages], i / kStages % 2);
    wgmma_fence();
    begin_rows(acc, weights, tile_descriptor(tiles.v[i % kStages], kKeys));
  };
  const auto weigh = [&](int i) {
    const int first_key = (begin + i) * kKeys;
    const bool inside = first_key >= highest.first && first_key + kKeys - 1 <= lowest.last;
    if (!inside) hide(s, seen, first_key);
    softmax.weigh(s, scale);
  };
  barrier_wait(tiles.q_full, 0);
  if (group == 1) named_arrive(kTurn, kGroups * kWarpgroup);
  begin_scores(0);
  wgmma_wait<0>(s);
  barrier_arrive_warp(tiles.k_free[0]);
  weigh(0);
  round_sums(weights, s);
  for (int i = 1; i < count; ++i) {
    named_wait(kTurn + group, kGroups * kWarpgroup);
    begin_scores(i);
    begin_sums(i - 1);
    named_arrive(kTurn + 1 - group, kGroups * kWarpgroup);
    wgmma_wait<1>(s);
    barrier_arrive_warp(tiles.k_free[i % kStages]);
    weigh(i);
    wgmma_wait<0>(acc);
    barrier_arrive_warp(tiles.v_free[(i - 1) % kStages]);
#pragma unroll
    for (int e = 0; e < E / 8; ++e) {
#pragma unroll
      for (int j = 0; j < 4; ++j) acc[e][j] *= softmax.factor[j / 2];
    }
    round_sums(weights, s);
  }
  if (group == 0) named_wait(kTurn, kGroups * kWarpgroup);  // no arrival is left over
  begin_sums(count - 1);
  wgmma_wait<0>(acc);
}

template <int E>
__global__ void __launch_bounds__(kThreads, 1)
    attention_hopper_kernel(AttentionRule rule, const __grid_constant__ TensorMap q,
                            const __grid_constant__ TensorMap k,
                            const __grid_constant__ TensorMap v, HeadMatrix out, float* lse) {
#if ATTUNE_HAS_HOPPER
  auto& tiles = *reinterpret_cast<Tiles<E>*>(shared_memory());
  // The last tiles have most keys: they go first.
  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;
  const int head = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int last_query = min(first_query + kQueries, rule.queries) - 1;
  if (thread == kQueries) {
    init_barriers(tiles);
    copy_head<E, kQueries>(tiles.q, q, first_query, head, tiles.q_full);
  }
  if (thread < kQueries)
    tiles.ranges[thread] = keys_of(rule, min(first_query + thread, last_query));
  __syncthreads();
  const int begin = tiles.ranges[0].first / kKeys;
  const int count = tiles.ranges[kQueries - 1].last / kKeys + 1 - begin;
  const int group = warpgroup() - 1;
  if (group < 0) {
    release_registers<24>();
    if (thread == 0) produce<E>(tiles, k, v, head / rule.group, begin, count);
    return;
  }
  claim_registers<240>();
  const int row = 64 * group + own_row();
  float acc[E / 8][4] = {};
  Softmax<kKeys / 8> softmax;
  consume<E>(tiles, acc, softmax, rule.scale * kLog2E, group, row, begin, count);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float total = softmax.total[r];
    total += __shfl_xor_sync(kAllLanes, total, 1);
    total += __shfl_xor_sync(kAllLanes, total, 2);
    const int query = first_query + row + 8 * r;
    if (query > last_query) continue;
    if (lse && thread % 4 == 0)
      lse[static_cast<int64_t>(head) * rule.queries + query] =
          softmax.most[r] * rule.scale + logf(total);
    store_sums(out, head, query, acc, r, 1.0f / total);
  }
#else
  __trap();  // the library has no code for sm_90a
#endif
}

template <int E>
void launch_forward(Runtime& runtime, const AttentionArgs& args, const AttentionRule& rule) {
  const auto tiles = static_cast<unsigned>((rule.queries + kQueries - 1) / kQueries);
  launch(runtime, "attention_hopper", attention_hopper_kernel<E>,
         Shape{dim3(tiles, static_cast<unsigned>(rule.heads)), dim3(kThreads), sizeof(Tiles<E>)},
         rule, map_of(args.q, kQueries), map_of(args.k, kKeys), map_of(args.v, kKeys),
         heads_of(args.out, E), args.lse);
}

}  // namespace

bool attention_hopper(Runtime& runtime, const AttentionArgs& args, const AttentionRule& rule) {
  if (!serves_hopper(runtime, rule, {&args.q, &args.k, &args.v, &args.out})) return false;
  rule.head_size == 64 ? launch_forward<64>(runtime, args, rule)
                       : launch_forward<128>(runtime, args, rule);
  return true;
}

}  // namespace attune::cuda
