// The kernels of attention that are Hopper's own, and what they share. They are for bfloat16, head
// sizes 64 and 128, without soft cap and slopes, rows on 16 bytes. Each returns whether it has
// served the call: where not, the plain kernels do.
#pragma once
#include "backend/cuda/attention_tile.h"
#include "backend/cuda/hopper.h"
#include "backend/cuda/runtime.h"

namespace attune::cuda {

bool attention_hopper(Runtime&, const AttentionArgs&, const AttentionRule&);

/** `delta` [H, T]: row sums of d_out * out. */
bool attention_backward_hopper(Runtime&, const AttentionBackwardArgs&, const AttentionRule&,
                               const float* delta);

inline bool serves_hopper(const Runtime& runtime, const AttentionRule& rule,
                          std::initializer_list<const Tensor*> tensors) {
  if (!runtime.facts().hopper || !plain(rule) || !(rule.scale > 0)) return false;
  for (const Tensor* x : tensors)
    if (x->dtype != DType::bf16 || !heads_of(*x, rule.head_size).wide) return false;
  return rule.head_size == 64 || rule.head_size == 128;
}

inline TensorMap map_of(const Tensor& x, int tile_rows) {
  return tensor_map(x.data, x.cols, x.rows, x.stride, tile_rows);
}

/** Begins to copy a tile of a head, in panels, and arrives at its barrier. One thread. */
template <int E, int Rows>
__device__ __forceinline__ void copy_head(bf16* tile, const TensorMap& map, int row, int head,
                                          TileBarrier& barrier) {
  barrier_expect(barrier, Rows * E * static_cast<int>(sizeof(bf16)));
#pragma unroll
  for (int panel = 0; panel < E / kPanel; ++panel)
    copy_tile(tile + panel * Rows * kPanel, map, row, head * E + panel * kPanel, barrier);
}

/** Which of the block this thread belongs to; the compiler sees that it is one for a warp. */
__device__ __forceinline__ int warpgroup() {
  return __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / kWarpgroup, 0);
}

/** Of a warpgroup's 64 rows, the first that this thread has sums of; the other is 8 later. */
__device__ __forceinline__ int own_row() {
  const int thread = static_cast<int>(threadIdx.x) % kWarpgroup;
  return 16 * (thread / kWarp) + thread % kWarp / 4;
}

/** d = A B^T over E columns: A and B are tiles of `Rows` and `Others` rows. */
template <int E, int Rows, int Others, int N>
__device__ __forceinline__ void begin_transposed(float (&d)[N][4], uint64_t a, uint64_t b) {
#pragma unroll
  for (int e = 0; e < E; e += 16)
    wgmma_transposed(d, a + descriptor_column(Rows, e), b + descriptor_column(Others, e), e > 0);
  wgmma_commit();
}

/** d += W B: W in bf16 registers, B the 16 * K rows of a tile. */
template <int K, int N>
__device__ __forceinline__ void begin_rows(float (&d)[N][4], const uint32_t (&w)[K][4],
                                           uint64_t b) {
#pragma unroll
  for (int k = 0; k < K; ++k) wgmma_rows(d, w[k], b + descriptor_row(16 * k));
  wgmma_commit();
}

/** Sums as the left operand of another product. */
template <int K>
__device__ __forceinline__ void round_sums(uint32_t (&to)[K][4], const float (&sums)[2 * K][4]) {
#pragma unroll
  for (int k = 0; k < K; ++k) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float(&from)[4] = sums[2 * k + i / 2];
      to[k][i] = pack_bf16(from[2 * (i % 2)], from[2 * (i % 2) + 1]);
    }
  }
}

/** -inf where a row does not see the key; columns are the keys from `first_key` on. */
template <int N>
__device__ __forceinline__ void hide(float (&s)[N][4], const KeyRange (&seen)[2], int first_key) {
  const int own = first_key + 2 * (static_cast<int>(threadIdx.x) % 4);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const auto span = static_cast<unsigned>(seen[r].last - seen[r].first);
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const auto at = static_cast<unsigned>(own + 8 * n + i - seen[r].first);
        if (at > span) s[n][2 * r + i] = -INFINITY;
      }
    }
  }
}

/** Writes one of the thread's two rows of sums, times `factor`. */
template <int N>
__device__ __forceinline__ void store_sums(const HeadMatrix& to, int head, int row,
                                           const float (&acc)[N][4], int r, float factor) {
  bf16* at = to.data + row * to.stride + static_cast<int64_t>(head) * 8 * N;
#pragma unroll
  for (int n = 0; n < N; ++n)
    store_pair(at, 8 * n + 2 * (static_cast<int>(threadIdx.x) % 4), 8 * N, true,
               acc[n][2 * r] * factor, acc[n][2 * r + 1] * factor);
}

}  // namespace attune::cuda
