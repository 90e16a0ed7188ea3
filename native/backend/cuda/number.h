// Elements in memory: float and bf16, one at a time or up to 16 bytes in one access.
#pragma once
#include <cstring>

#include "backend/cuda/device.h"
#include "core/dtype.h"

namespace attune::cuda {

/** The upper half of a float. Arithmetic is float's: `to_float`, `from_float`. */
struct bf16 {
  uint16_t bits;
};

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(bf16 value) {
  return __uint_as_float(static_cast<unsigned>(value.bits) << 16);
}

/** Round to nearest, ties to even, as core/dtype.h; NaN stays NaN. */
__device__ __forceinline__ bf16 to_bf16(float value) {
#ifdef __CUDACC__
  bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
#else
  return {f32_to_bf16(value)};
#endif
}

template <class T>
__device__ __forceinline__ T from_float(float value);
template <>
__device__ __forceinline__ float from_float<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ bf16 from_float<bf16>(float value) {
  return to_bf16(value);
}

/** Two bf16 in a word, `low` in the lower half, which comes first in memory. */
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
#ifdef __CUDACC__
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return f32_to_bf16(low) | static_cast<uint32_t>(f32_to_bf16(high)) << 16;
#endif
}
__device__ __forceinline__ float low_half(uint32_t word) { return __uint_as_float(word << 16); }
__device__ __forceinline__ float high_half(uint32_t word) {
  return __uint_as_float(word & 0xffff0000u);
}

/** Elements of T in the widest access. */
template <class T>
constexpr int kVector = 16 / static_cast<int>(sizeof(T));

/** 4, 8 or 16 bytes, read and written in one access. */
template <int Bytes>
struct Words {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "an access of 4, 8 or 16 bytes");
  uint32_t word[Bytes / 4];
};

#ifdef __CUDACC__
template <int Bytes>
__device__ __forceinline__ Words<Bytes> load_words(const void* from) {
  Words<Bytes> to;
  if constexpr (Bytes == 16) {
    const uint4 x = *static_cast<const uint4*>(from);
    to.word[0] = x.x, to.word[1] = x.y, to.word[2] = x.z, to.word[3] = x.w;
  } else if constexpr (Bytes == 8) {
    const uint2 x = *static_cast<const uint2*>(from);
    to.word[0] = x.x, to.word[1] = x.y;
  } else {
    to.word[0] = *static_cast<const uint32_t*>(from);
  }
  return to;
}
template <int Bytes>
__device__ __forceinline__ void store_words(void* to, const Words<Bytes>& from) {
  if constexpr (Bytes == 16) {
    *static_cast<uint4*>(to) = make_uint4(from.word[0], from.word[1], from.word[2], from.word[3]);
  } else if constexpr (Bytes == 8) {
    *static_cast<uint2*>(to) = make_uint2(from.word[0], from.word[1]);
  } else {
    *static_cast<uint32_t*>(to) = from.word[0];
  }
}
#else
template <int Bytes>
Words<Bytes> load_words(const void* from) {
  host::require_aligned(from, Bytes);
  Words<Bytes> to;
  std::memcpy(&to, from, Bytes);
  return to;
}
template <int Bytes>
void store_words(void* to, const Words<Bytes>& from) {
  host::require_aligned(to, Bytes);
  std::memcpy(to, &from, Bytes);
}
#endif

/**
 * N elements as float, in accesses of at most 16 bytes, to which `from` must be aligned. N is 1 or
 * a power of two times 4 bytes.
 */
template <int N, class T>
__device__ __forceinline__ void load(float (&to)[N], const T* from) {
  if constexpr (N * sizeof(T) < 4 || (N == 1 && sizeof(T) == 4)) {
    to[0] = to_float(*from);
  } else {
    constexpr int kBytes = N * sizeof(T) < 16 ? N * sizeof(T) : 16, kStep = kBytes / sizeof(T);
    static_assert(N % kStep == 0, "a whole number of accesses");
#pragma unroll
    for (int i = 0; i < N; i += kStep) {
      const Words<kBytes> words = load_words<kBytes>(from + i);
#pragma unroll
      for (int w = 0; w < kBytes / 4; ++w) {
        if constexpr (sizeof(T) == 4) {
          to[i + w] = __uint_as_float(words.word[w]);
        } else {
          to[i + 2 * w] = low_half(words.word[w]);
          to[i + 2 * w + 1] = high_half(words.word[w]);
        }
      }
    }
  }
}

/** The reverse of `load`, rounding to T. */
template <int N, class T>
__device__ __forceinline__ void store(T* to, const float (&from)[N]) {
  if constexpr (N * sizeof(T) < 4 || (N == 1 && sizeof(T) == 4)) {
    *to = from_float<T>(from[0]);
  } else {
    constexpr int kBytes = N * sizeof(T) < 16 ? N * sizeof(T) : 16, kStep = kBytes / sizeof(T);
    static_assert(N % kStep == 0, "a whole number of accesses");
#pragma unroll
    for (int i = 0; i < N; i += kStep) {
      Words<kBytes> words;
#pragma unroll
      for (int w = 0; w < kBytes / 4; ++w) {
        if constexpr (sizeof(T) == 4) {
          words.word[w] = __float_as_uint(from[i + w]);
        } else {
          words.word[w] = pack_bf16(from[i + 2 * w], from[i + 2 * w + 1]);
        }
      }
      store_words<kBytes>(to + i, words);
    }
  }
}

/** Whether every row of a matrix of `stride` elements, 16 bytes at a time, is aligned. */
template <class T>
bool vectorizable(const void* data, int64_t stride) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride % kVector<T> == 0;
}

/** Calls f(T{}) with the element type: float or bf16. On the host, to choose a kernel. */
template <class F>
void with_type(DType dtype, const F& f) {
  if (dtype == DType::bf16) {
    f(bf16{});
  } else {
    f(float{});
  }
}

}  // namespace attune::cuda
