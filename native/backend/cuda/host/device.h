// CUDA's names for a plain C++ compiler, as far as the kernels use them.
//
// Here a warp runs in no lockstep: a thread runs until it waits, and nothing but barriers and
// warp-level calls orders it against the others (block.cpp). A warp-level call waits for every
// lane of its mask.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "backend/cuda/host/thread.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct __align__(8) uint2 {
  unsigned x, y;
};
struct __align__(16) uint4 {
  unsigned x, y, z, w;
};
struct __align__(8) int2 {
  int x, y;
};
struct __align__(16) int4 {
  int x, y, z, w;
};
struct __align__(8) float2 {
  float x, y;
};
struct __align__(16) float4 {
  float x, y, z, w;
};

inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace attune::cuda {
namespace host {

/** Where the running thread stands. */
struct Place {
  uint3 thread, block;
  dim3 block_size, grid_size;
};
extern __thread Place place;

}  // namespace host

/** The block's dynamic shared memory, 1024-byte aligned; all NaN when a block begins. */
unsigned char* shared_memory();

}  // namespace attune::cuda

#define threadIdx (::attune::cuda::host::place.thread)
#define blockIdx (::attune::cuda::host::place.block)
#define blockDim (::attune::cuda::host::place.block_size)
#define gridDim (::attune::cuda::host::place.grid_size)
constexpr int warpSize = 32;

inline void __syncthreads() { ::attune::cuda::host::barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { ::attune::cuda::host::sync_warp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return ::attune::cuda::host::ballot(mask, predicate != 0);
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

namespace attune::cuda::host {

/** `value` of lane `source`, which must take part. */
template <class T>
T shuffle(unsigned mask, T value, int source) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "numbers of 4 or 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = shuffle_bits(mask, bits, source);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace attune::cuda::host

// The warp falls into segments of `width` lanes; a source outside of it is the lane itself.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int lane = ::attune::cuda::host::lane(), first = lane & ~(width - 1);
  return ::attune::cuda::host::shuffle(mask, value, first + (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const int lane = ::attune::cuda::host::lane(), source = lane ^ bits;
  const bool later = source / width > lane / width;
  return ::attune::cuda::host::shuffle(mask, value, later ? lane : source);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const int lane = ::attune::cuda::host::lane(), source = lane - static_cast<int>(distance);
  return ::attune::cuda::host::shuffle(mask, value, source < (lane & ~(width - 1)) ? lane : source);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const int lane = ::attune::cuda::host::lane(), source = lane + static_cast<int>(distance);
  return ::attune::cuda::host::shuffle(mask, value, source > (lane | (width - 1)) ? lane : source);
}

/** Integers only: the order of an atomic addition may not change a result. Blocks run in turn. */
template <class T>
T atomicAdd(T* to, T value) {
  static_assert(std::is_integral_v<T>, "no atomics on floats: sums have a fixed order");
  const T before = *to;
  *to += value;
  return before;
}

template <class T>
T __ldg(const T* from) {
  return *from;
}

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline int __float_as_int(float value) { return static_cast<int>(__float_as_uint(value)); }
inline float __int_as_float(int bits) { return __uint_as_float(static_cast<unsigned>(bits)); }

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(static_cast<unsigned>(bits)); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32);
}

// The device's fast versions differ in the last bits only; tolerances of the tests allow for that.
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __log2f(float x) { return std::log2(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }

template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
