// Attention forward. bfloat16: a block takes 64 queries of a head, a warp 16 of them; key tiles
// come by asynchronous copies while the last ones are multiplied on tensor cores; softmax online in
// base 2. Work: 4 E operations for each pair that is visited. Shared memory: one tile of queries
// and two of keys and values, at most 99 KiB. (T. Dao, arXiv 2307.08691.) float32: a warp per query
// and head, exact products in float32, for parity rather than for speed.
#include "backend/cuda/attention_hopper.h"
#include "backend/cuda/kernels.h"

namespace attune::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp, kQueries = 16 * kWarps;

template <int P>
constexpr int kKeys = P > 192   ? 16
                      : P > 128 ? 32
                                : 64;

template <int P>
constexpr size_t kForwardShared =
    sizeof(bf16) * kTileStride<P>*(kQueries + 4 * kKeys<P>)+2 * kQueries * sizeof(int);

constexpr size_t kMostShared = 99 << 10;  // of sm_86 and sm_89
static_assert(kForwardShared<128> <= kMostShared && kForwardShared<192> <= kMostShared &&
              kForwardShared<256> <= kMostShared);

template <int P, bool Plain>
__global__ void __launch_bounds__(kThreads)
    attention_kernel(AttentionRule rule, HeadMatrix q, HeadMatrix k, HeadMatrix v, HeadMatrix out,
                     float* lse) {
  constexpr int kTile = kKeys<P> * kTileStride<P>, N = kKeys<P> / 8;
  auto* q_tile = reinterpret_cast<bf16*>(shared_memory());
  bf16* k_tiles = q_tile + kQueries * kTileStride<P>;  // two
  bf16* v_tiles = k_tiles + 2 * kTile;                 // two
  auto* ranges = reinterpret_cast<KeyRange*>(v_tiles + 2 * kTile);

  // The last tiles have most keys: they go first.
  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;
  const int head = static_cast<int>(blockIdx.y), kv_head = head / rule.group;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int last_query = min(first_query + kQueries, rule.queries) - 1;
  if (threadIdx.x < kQueries)
    ranges[threadIdx.x] =
        keys_of(rule, min(first_query + static_cast<int>(threadIdx.x), last_query));
  const HeadRows keys = k.head(kv_head, rule.head_size), values = v.head(kv_head, rule.head_size);
  load_tile<P, kQueries, kThreads>(q_tile, q.head(head, rule.head_size), first_query,
                                   rule.head_size);
  __syncthreads();
  const KeyRange lowest = ranges[0], highest = ranges[last_query - first_query];
  const int begin = lowest.first / kKeys<P>, end = highest.last / kKeys<P> + 1;
  const auto load_keys = [&](int tile) {
    load_tile<P, kKeys<P>, kThreads>(k_tiles + tile % 2 * kTile, keys, tile * kKeys<P>,
                                     rule.head_size);
    load_tile<P, kKeys<P>, kThreads>(v_tiles + tile % 2 * kTile, values, tile * kKeys<P>,
                                     rule.head_size);
    copy_commit();
  };
  load_keys(begin);

  const int row = 16 * warp + lane / 4;  // of the tile; the thread's other row is row + 8
  const KeyRange seen[2] = {ranges[row], ranges[row + 8]};
  const float slope = !Plain && rule.slopes ? rule.slopes[head] : 0.0f;
  float most[2] = {-INFINITY, -INFINITY}, total[2] = {};
  float acc[P / 8][4] = {};
  for (int tile = begin; tile < end; ++tile) {
    if (tile + 1 < end) {
      load_keys(tile + 1);
      copy_wait<1>();
    } else {
      copy_wait<0>();
    }
    __syncthreads();
    float s[N][4] = {};
    multiply_transposed<P, N>(s, q_tile + 16 * warp * kTileStride<P>, k_tiles + tile % 2 * kTile);
    const int first_key = tile * kKeys<P>;
    const bool inside = first_key >= highest.first && first_key + kKeys<P> - 1 <= lowest.last;
    float peak[2] = {most[0], most[1]};
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int key = first_key + 8 * n + 2 * (lane % 4) + i % 2;
        const KeyRange& range = seen[i / 2];
        const bool visible = inside || (key >= range.first && key <= range.last);
        s[n][i] =
            visible ? score_of<Plain>(rule, s[n][i], slope, key - range.last).value : -INFINITY;
        peak[i / 2] = fmaxf(peak[i / 2], s[n][i]);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      peak[r] = fmaxf(peak[r], __shfl_xor_sync(kAllLanes, peak[r], 1));
      peak[r] = fmaxf(peak[r], __shfl_xor_sync(kAllLanes, peak[r], 2));
      const float base = peak[r] == -INFINITY ? 0.0f : peak[r];  // nothing seen yet
      const float factor = exp2f(most[r] - base);
      most[r] = peak[r];
      total[r] *= factor;
#pragma unroll
      for (int e = 0; e < P / 8; ++e) {
        acc[e][2 * r] *= factor;
        acc[e][2 * r + 1] *= factor;
      }
#pragma unroll
      for (int n = 0; n < N; ++n) {
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) {
          s[n][i] = exp2f(s[n][i] - base);
          total[r] += s[n][i];
        }
      }
    }
    multiply_rows<P, N, P / 8>(acc, s, v_tiles + tile % 2 * kTile, 0);
    __syncthreads();  // before this tile's memory is filled again
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    total[r] += __shfl_xor_sync(kAllLanes, total[r], 1);
    total[r] += __shfl_xor_sync(kAllLanes, total[r], 2);
    const int query = first_query + row + 8 * r;
    if (query >= rule.queries) continue;
    if (lse && lane % 4 == 0)
      lse[static_cast<int64_t>(head) * rule.queries + query] = most[r] * kLn2 + logf(total[r]);
    bf16* to = out.data + query * out.stride + static_cast<int64_t>(head) * rule.head_size;
    const float inverse = 1.0f / total[r];
#pragma unroll
    for (int e = 0; e < P / 8; ++e) {
      store_pair(to, 8 * e + 2 * (lane % 4), rule.head_size, out.wide, acc[e][2 * r] * inverse,
                 acc[e][2 * r + 1] * inverse);
    }
  }
}

struct FloatHeads {
  float* data;
  int64_t stride;
};

constexpr int kMostColumns = 256 / kWarp;  // of a head, to a lane

/** A warp for (query, head): lanes are keys while scores are made, columns while they are used. */
__global__ void __launch_bounds__(kThreads)
    attention_float_kernel(AttentionRule rule, FloatHeads q, FloatHeads k, FloatHeads v,
                           FloatHeads out, float* lse) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  auto* mine = reinterpret_cast<float*>(shared_memory()) + warp * (256 + kWarp);
  float* weights = mine + 256;
  const int query = static_cast<int>(blockIdx.x) * kWarps + warp;
  const int head = static_cast<int>(blockIdx.y), E = rule.head_size;
  if (query >= rule.queries) return;  // the whole warp
  const int64_t kv = static_cast<int64_t>(head / rule.group) * E;
  const float* from = q.data + query * q.stride + static_cast<int64_t>(head) * E;
  for (int e = lane; e < E; e += kWarp) mine[e] = from[e];
  __syncwarp();
  const KeyRange range = keys_of(rule, query);
  const float slope = rule.slopes ? rule.slopes[head] : 0.0f;
  float most = -INFINITY, total = 0, acc[kMostColumns] = {};
  for (int first = range.first; first <= range.last; first += kWarp) {
    const int key = first + lane;
    float s = -INFINITY;
    if (key <= range.last) {
      const float* row = k.data + key * k.stride + kv;
      float part[4] = {};  // four short sums round less than a long one
      for (int e = 0; e < E; ++e) part[e % 4] = fmaf(mine[e], row[e], part[e % 4]);
      const float product = (part[0] + part[1]) + (part[2] + part[3]);
      s = score_of<false>(rule, product, slope, key - range.last).value;
    }
    const float peak = fmaxf(most, warp_max(s)), factor = exp2f(most - peak);
    const float p = exp2f(s - peak);
    most = peak;
    total = total * factor + warp_sum(p);
    weights[lane] = p;
    __syncwarp();
    const int count = min(kWarp, range.last - first + 1);
#pragma unroll
    for (int c = 0; c < kMostColumns; ++c) {
      const int e = c * kWarp + lane;
      if (e >= E) break;
      acc[c] *= factor;
      for (int i = 0; i < count; ++i)
        acc[c] = fmaf(weights[i], v.data[(first + i) * v.stride + kv + e], acc[c]);
    }
    __syncwarp();
  }
  float* to = out.data + query * out.stride + static_cast<int64_t>(head) * E;
#pragma unroll
  for (int c = 0; c < kMostColumns; ++c) {
    const int e = c * kWarp + lane;
    if (e < E) to[e] = acc[c] / total;
  }
  if (lse && lane == 0)
    lse[static_cast<int64_t>(head) * rule.queries + query] = most * kLn2 + logf(total);
}

FloatHeads floats(const Tensor& x) { return {x.f32(), x.stride}; }

}  // namespace

void attention(Runtime& runtime, const AttentionArgs& args) {
  const AttentionRule rule = rule_of(args, args.q_starts, args.k_starts);
  if (rule.queries == 0 || rule.documents == 0) return;
  const auto heads = static_cast<unsigned>(args.heads);
  if (args.q.dtype == DType::f32) {
    launch(runtime, "attention_float", attention_float_kernel,
           Shape{dim3(static_cast<unsigned>((rule.queries + kWarps - 1) / kWarps), heads),
                 dim3(kThreads), kWarps * (256 + kWarp) * sizeof(float)},
           rule, floats(args.q), floats(args.k), floats(args.v), floats(args.out), args.lse);
    return;
  }
  if (attention_hopper(runtime, args, rule)) return;
  with_head_size(args.head_size, [&](auto padded) {
    constexpr int P = decltype(padded)::value;
    with_plain(plain(rule), [&](auto is_plain) {
      const auto matrix = [&](const Tensor& x) { return heads_of(x, args.head_size); };
      launch(runtime, "attention", attention_kernel<P, decltype(is_plain)::value>,
             Shape{dim3(static_cast<unsigned>((rule.queries + kQueries - 1) / kQueries), heads),
                   dim3(kThreads), kForwardShared<P>},
             rule, matrix(args.q), matrix(args.k), matrix(args.v), matrix(args.out), args.lse);
    });
  });
}

}  // namespace attune::cuda
