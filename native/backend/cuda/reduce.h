// Sums and maxima over a warp and over a block, in a fixed order: the same bits at every run.
// Every thread gets the result, and every thread of the warp or block must call.
#pragma once
#include "backend/cuda/device.h"

namespace attune::cuda {

constexpr unsigned kAllLanes = 0xffffffffu;

struct Sum {
  template <class T>
  __device__ __forceinline__ static T of(T a, T b) {
    return a + b;
  }
  template <class T>
  __device__ __forceinline__ static T unit(T) {
    return 0;
  }
};

/** NaN where either is: a maximum may not hide it. */
struct Max {
  template <class T>
  __device__ __forceinline__ static T of(T a, T b) {
    return a > b || a != a ? a : b;
  }
  template <class T>
  __device__ __forceinline__ static T unit(T own) {
    return own;
  }
};

/** `Width` lanes next to each other, a power of two; by halves, so that all lanes agree in bits. */
template <class Op, int Width = kWarp, class T>
__device__ __forceinline__ T warp_reduce(T value) {
#pragma unroll
  for (int distance = Width / 2; distance > 0; distance /= 2)
    value = Op::of(value, __shfl_xor_sync(kAllLanes, value, distance));
  return value;
}
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  return warp_reduce<Sum>(value);
}
template <class T>
__device__ __forceinline__ T warp_max(T value) {
  return warp_reduce<Max>(value);
}

/**
 * N values at once over a block of whole warps, along x. `shared`: room for 32 * N values; it may
 * be given to the next reduction at once, but to nothing else before a barrier.
 */
template <class Op, int N, class T>
__device__ __forceinline__ void block_reduce(T (&values)[N], T* shared) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
#pragma unroll
  for (int i = 0; i < N; ++i) values[i] = warp_reduce<Op>(values[i]);
  if (warps == 1) return;
  __syncthreads();  // the last reduction has been read
  if (lane == 0) {
#pragma unroll
    for (int i = 0; i < N; ++i) shared[i * kWarp + warp] = values[i];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < N; ++i) {
    // Lanes without a warp add nothing: 0 to a sum, their own warp's value to a maximum.
    const T part = lane < warps ? shared[i * kWarp + lane] : Op::unit(values[i]);
    values[i] = warp_reduce<Op>(part);
  }
}
template <class T>
__device__ __forceinline__ T block_sum(T value, T* shared) {
  T values[1] = {value};
  block_reduce<Sum>(values, shared);
  return values[0];
}
template <class T>
__device__ __forceinline__ T block_max(T value, T* shared) {
  T values[1] = {value};
  block_reduce<Max>(values, shared);
  return values[0];
}

}  // namespace attune::cuda
