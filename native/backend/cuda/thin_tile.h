// What products with a thin side share: tiles of 32 rows and 128 columns of the wide side in shared
// memory, what a warp adds to its sums of one, and the addition of the parts that blocks leave.
#pragma once
#include <initializer_list>

#include "backend/cuda/runtime.h"
#include "backend/cuda/tile.h"
#include "core/tensor.h"

namespace attune::cuda {

constexpr int kStrip = 128, kDeep = 32;  // columns and rows of a tile of the wide side
constexpr int kThin = 64;                // columns of the thin side at most
constexpr int kWideTile = kDeep * kTileStride<kStrip>;
template <int N>
constexpr int kThinTile = kDeep* kTileStride<N>;

inline TileSource source_of(const Tensor& x) {
  return {static_cast<const bf16*>(x.data), x.stride, static_cast<int>(x.rows),
          vectorizable<bf16>(x.data, x.stride)};
}

/** acc += the transpose of 16 M columns of a wide tile, from `wide` on, times a thin tile. */
template <int M, int N>
__device__ __forceinline__ void add_columns(float (&acc)[M][N / 8][4], const bf16* wide,
                                            const bf16* thin) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < kDeep; k += 16) {
    uint32_t left[M][4];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      ldmatrix_transposed(left[m], wide + (k + lane % 8 + lane / 16 * 8) * kTileStride<kStrip> +
                                       16 * m + lane / 8 % 2 * 8);
    }
#pragma unroll
    for (int n = 0; n < N / 8; n += 2) {
      uint32_t right[4];
      ldmatrix_transposed(right, thin + (k + lane % 16) * kTileStride<N> + 8 * n + lane / 16 * 8);
      const uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < M; ++m) {
        mma(acc[m][n], left[m], even);
        mma(acc[m][n + 1], left[m], odd);
      }
    }
  }
}

/** Calls to(column, thin column, sum) for each of the sums of `add_columns`. */
template <int M, int N, class F>
__device__ __forceinline__ void each_column(float (&acc)[M][N / 8][4], const F& to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int n = 0; n < N / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        to(16 * m + lane / 4 + i / 2 * 8, 8 * n + 2 * (lane % 4) + i % 2, acc[m][n][i]);
    }
  }
}

/** Floats of shared memory of a warp's sums of 16 rows and half of N thin columns. */
template <int N>
constexpr int kRowSums = 16 * N / 2;

/**
 * sums += 16 rows of a wide tile, from `wide` on, times half the columns of a side tile [128, N],
 * from `half` on, or of the transpose of one [N, 128]. The sums are the warp's own, in shared
 * memory, each thread's together.
 */
template <int N, bool RowSide>
__device__ __forceinline__ void add_rows(float* sums, const bf16* wide, const bf16* side,
                                         int half) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float acc[2][N / 16][4] = {};  // of every second step, so that products need not wait in a row
#pragma unroll
  for (int k = 0; k < kStrip; k += 16) {
    uint32_t left[4];
    ldmatrix(left, wide + lane % 16 * kTileStride<kStrip> + k + lane / 16 * 8);
#pragma unroll
    for (int n = 0; n < N / 16; ++n) {
      uint32_t right[2];
      if constexpr (RowSide) {
        ldmatrix(right,
                 side + (half + 8 * n + lane % 8) * kTileStride<kStrip> + k + lane / 8 % 2 * 8);
      } else {
        ldmatrix_transposed(right, side + (k + lane % 16) * kTileStride<N> + half + 8 * n);
      }
      mma(acc[k / 16 % 2][n], left, right);
    }
  }
#pragma unroll
  for (int n = 0; n < N / 16; ++n) {
    float* own = sums + (n * kWarp + lane) * 4;
    float value[4];
    load(value, own);
#pragma unroll
    for (int i = 0; i < 4; ++i) value[i] += acc[0][n][i] + acc[1][n][i];
    store(own, value);
  }
}

/** What add_rows begins from: 0. */
template <int N>
__device__ __forceinline__ void clear_rows(float* sums) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float zero[4] = {};
#pragma unroll
  for (int n = 0; n < N / 16; ++n) store(sums + (n * kWarp + lane) * 4, zero);
}

/** Calls to(row, thin column of its half, sum) for each of the sums of `add_rows`. */
template <int N, class F>
__device__ __forceinline__ void each_row(const float* sums, const F& to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int n = 0; n < N / 16; ++n) {
    float value[4];
    load(value, sums + (n * kWarp + lane) * 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) to(lane / 4 + i / 2 * 8, 8 * n + 2 * (lane % 4) + i % 2, value[i]);
  }
}

/** c (+)= scale * the sum of `count` parts, each of them the rows of c without a stride. */
struct PartSum {
  const float* parts;
  int count;
  int64_t step;  // from one part to the next
  Tensor c;      // float32 or bfloat16
  float scale;
  bool accumulate;
};

constexpr int kMostSums = 5;
/** All of them in one launch, parts in order. */
void add_thin_parts(Runtime& runtime, std::initializer_list<PartSum> sums);  // thin_product.cu

}  // namespace attune::cuda
