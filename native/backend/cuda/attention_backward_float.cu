// float32: a warp for each query and head makes d_q, a warp for each key and key/value head makes
// d_k and d_v. Lanes are the other side's rows while scores are made, columns while they are used.
#include "backend/cuda/attention_float.h"

namespace attune::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kMostColumns = 256 / kWarp;         // of a head, to a lane
constexpr int kWarpFloats = 2 * 256 + 2 * kWarp;  // two rows, and two numbers for each lane

struct FloatHeads {
  const float *q, *k, *v, *d_out;
  float *d_q, *d_k, *d_v;
  int64_t q_stride, k_stride, v_stride, d_out_stride, d_q_stride, d_k_stride, d_v_stride;
  const float* lse;
  const float* delta;
};

/** A warp's part of shared memory. */
struct WarpRows {
  float *first, *second, *p, *d_s;
};

__device__ __forceinline__ WarpRows warp_rows() {
  float* mine = reinterpret_cast<float*>(shared_memory()) + threadIdx.x / kWarp * kWarpFloats;
  return {mine, mine + 256, mine + 512, mine + 512 + kWarp};
}

struct Products {
  float score, d_p;
};

/** Of the warp's two rows with rows `a` and `b`. */
__device__ __forceinline__ Products products_of(const WarpRows& own, const float* a, const float* b,
                                                int size) {
  Products sum = {};
  for (int e = 0; e < size; ++e) {
    sum.score = fmaf(own.first[e], a[e], sum.score);
    sum.d_p = fmaf(own.second[e], b[e], sum.d_p);
  }
  return sum;
}

/** p and d_s of a pair, into the lane's place; 0 where the query does not see the key. */
__device__ __forceinline__ void weigh(const AttentionRule& rule, const WarpRows& own, int lane,
                                      bool visible, const Products& sum, float slope, int distance,
                                      float lse, float delta) {
  const Score score = score_of<false>(rule, sum.score, slope, distance);
  const float p = visible ? exp2f(score.value - lse * kLog2E) : 0.0f;
  own.p[lane] = p;
  own.d_s[lane] = visible ? p * (sum.d_p - delta) * score.slope : 0.0f;
}

__global__ void __launch_bounds__(kThreads)
    float_queries_kernel(AttentionRule rule, FloatHeads heads) {
  const WarpRows own = warp_rows();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, E = rule.head_size;
  const int query = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const int head = static_cast<int>(blockIdx.y);
  if (query >= rule.queries) return;  // the whole warp
  const int64_t column = static_cast<int64_t>(head) * E;
  const int64_t kv = static_cast<int64_t>(head / rule.group) * E;
  for (int e = lane; e < E; e += kWarp) {
    own.first[e] = heads.q[query * heads.q_stride + column + e];
    own.second[e] = heads.d_out[query * heads.d_out_stride + column + e];
  }
  __syncwarp();
  const KeyRange range = keys_of(rule, query);
  const int64_t at = static_cast<int64_t>(head) * rule.queries + query;
  const float slope = rule.slopes ? rule.slopes[head] : 0.0f;
  float acc[kMostColumns] = {};
  for (int first = range.first; first <= range.last; first += kWarp) {
    const int key = min(first + lane, range.last);
    const Products sum = products_of(own, heads.k + key * heads.k_stride + kv,
                                     heads.v + key * heads.v_stride + kv, E);
    weigh(rule, own, lane, first + lane <= range.last, sum, slope, key - range.last, heads.lse[at],
          heads.delta[at]);
    __syncwarp();
    const int count = min(kWarp, range.last - first + 1);
#pragma unroll
    for (int c = 0; c < kMostColumns; ++c) {
      const int e = c * kWarp + lane;
      if (e >= E) break;
      for (int i = 0; i < count; ++i)
        acc[c] = fmaf(own.d_s[i], heads.k[(first + i) * heads.k_stride + kv + e], acc[c]);
    }
    __syncwarp();
  }
#pragma unroll
  for (int c = 0; c < kMostColumns; ++c) {
    const int e = c * kWarp + lane;
    if (e < E) heads.d_q[query * heads.d_q_stride + column + e] = acc[c] * rule.scale;
  }
}

__global__ void __launch_bounds__(kThreads)
    float_keys_kernel(AttentionRule rule, FloatHeads heads) {
  const WarpRows own = warp_rows();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, E = rule.head_size;
  const int key = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const int kv_head = static_cast<int>(blockIdx.y);
  if (key >= rule.queries) return;  // the whole warp
  const int64_t kv = static_cast<int64_t>(kv_head) * E;
  for (int e = lane; e < E; e += kWarp) {
    own.first[e] = heads.k[key * heads.k_stride + kv + e];
    own.second[e] = heads.v[key * heads.v_stride + kv + e];
  }
  __syncwarp();
  const int last = last_query_of(rule, key);
  float d_k[kMostColumns] = {}, d_v[kMostColumns] = {};
  for (int head = kv_head * rule.group; head < (kv_head + 1) * rule.group; ++head) {
    const int64_t column = static_cast<int64_t>(head) * E;
    const float slope = rule.slopes ? rule.slopes[head] : 0.0f;
    for (int first = key; first <= last; first += kWarp) {
      const int query = min(first + lane, last);
      const Products sum = products_of(own, heads.q + query * heads.q_stride + column,
                                       heads.d_out + query * heads.d_out_stride + column, E);
      const int64_t at = static_cast<int64_t>(head) * rule.queries + query;
      weigh(rule, own, lane, first + lane <= last, sum, slope, key - query, heads.lse[at],
            heads.delta[at]);
      __syncwarp();
      const int count = min(kWarp, last - first + 1);
#pragma unroll
      for (int c = 0; c < kMostColumns; ++c) {
        const int e = c * kWarp + lane;
        if (e >= E) break;
        for (int i = 0; i < count; ++i) {
          const int64_t row = first + i;
          d_k[c] = fmaf(own.d_s[i], heads.q[row * heads.q_stride + column + e], d_k[c]);
          d_v[c] = fmaf(own.p[i], heads.d_out[row * heads.d_out_stride + column + e], d_v[c]);
        }
      }
      __syncwarp();
    }
  }
#pragma unroll
  for (int c = 0; c < kMostColumns; ++c) {
    const int e = c * kWarp + lane;
    if (e >= E) break;
    heads.d_k[key * heads.d_k_stride + kv + e] = d_k[c] * rule.scale;
    heads.d_v[key * heads.d_v_stride + kv + e] = d_v[c];
  }
}

}  // namespace

void attention_backward_float(Runtime& runtime, const AttentionBackwardArgs& args,
                              const AttentionRule& rule, const float* delta) {
  const FloatHeads heads = {args.q.f32(),    args.k.f32(),    args.v.f32(),      args.d_out.f32(),
                            args.d_q.f32(),  args.d_k.f32(),  args.d_v.f32(),    args.q.stride,
                            args.k.stride,   args.v.stride,   args.d_out.stride, args.d_q.stride,
                            args.d_k.stride, args.d_v.stride, args.lse,          delta};
  const auto blocks = static_cast<unsigned>((rule.queries + kWarps - 1) / kWarps);
  const size_t shared = kWarps * kWarpFloats * sizeof(float);
  launch(runtime, "attention_float_queries", float_queries_kernel,
         Shape{dim3(blocks, static_cast<unsigned>(rule.heads)), dim3(kThreads), shared}, rule,
         heads);
  launch(
      runtime, "attention_float_keys", float_keys_kernel,
      Shape{dim3(blocks, static_cast<unsigned>(rule.heads / rule.group)), dim3(kThreads), shared},
      rule, heads);
}

}  // namespace attune::cuda
