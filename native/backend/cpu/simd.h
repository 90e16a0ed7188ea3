// Vectors of float32 as wide as the instruction set being compiled, by GCC's vector extensions.
//
// Everything here is static: see kernels.h. Arithmetic on `Vec` is written with plain operators and
// contracted to fused multiply-adds by the compiler. A loop over a row takes whole vectors (`Full`)
// and one tail (`Part`); both run the same arithmetic, so a result does not depend on its position.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/dtype.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace attune {
namespace ATTUNE_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));
typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));

/** A whole vector, or its first `count` lanes: the rest is read as 0 and not written. */
struct Full {};
struct Part {
  int count;
};

static inline int64_t padded(int64_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

static inline Vec broadcast(float value) { return value - Vec{}; }  // "-": no operation, -0 stays

static inline Ints lane_index() {
#if defined(__AVX512F__)
  return Ints{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif defined(__AVX2__)
  return Ints{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return Ints{0, 1, 2, 3};
#endif
}

static inline Words bits_of(Vec x) {
  Words words;
  memcpy(&words, &x, sizeof x);
  return words;
}

static inline Vec from_bits(Words words) {
  Vec x;
  memcpy(&x, &words, sizeof x);
  return x;
}

static inline Vec widen(Halves x) { return from_bits(__builtin_convertvector(x, Words) << 16); }

/** Round to nearest, ties to even; NaN stays NaN. */
static inline Halves narrow(Vec x) {
  const Words words = bits_of(x);
  const Words rounded = words + 0x7fffu + ((words >> 16) & 1u);
  const Words kept = x == x ? rounded : words | 0x400000u;
  return __builtin_convertvector(kept >> 16, Halves);
}

static inline Vec load(const float* from, Full) {
  Vec x;
  memcpy(&x, from, sizeof x);
  return x;
}

static inline Vec load(const uint16_t* from, Full) {
  Halves x;
  memcpy(&x, from, sizeof x);
  return widen(x);
}

static inline void store(float* to, Vec x, Full) { memcpy(to, &x, sizeof x); }

static inline void store(uint16_t* to, Vec x, Full) {
  const Halves half = narrow(x);
  memcpy(to, &half, sizeof half);
}

#if defined(__AVX512F__)
static inline __mmask16 mask_of(Part part) {
  return static_cast<__mmask16>((1u << part.count) - 1u);
}
static inline Vec load(const float* from, Part part) {
  return _mm512_maskz_loadu_ps(mask_of(part), from);
}
static inline Vec load(const uint16_t* from, Part part) {
  const __m256i bits = _mm256_maskz_loadu_epi16(mask_of(part), from);
  Halves half;
  memcpy(&half, &bits, sizeof half);
  return widen(half);
}
static inline void store(float* to, Vec x, Part part) {
  _mm512_mask_storeu_ps(to, mask_of(part), x);
}
static inline void store(uint16_t* to, Vec x, Part part) {
  const Halves half = narrow(x);
  __m256i bits;
  memcpy(&bits, &half, sizeof bits);
  _mm256_mask_storeu_epi16(to, mask_of(part), bits);
}
#else
static inline Vec load(const float* from, Part part) {
  Vec x = {};
  for (int i = 0; i < part.count; ++i) x[i] = from[i];
  return x;
}
static inline Vec load(const uint16_t* from, Part part) {
  Halves x = {};
  for (int i = 0; i < part.count; ++i) x[i] = from[i];
  return widen(x);
}
static inline void store(float* to, Vec x, Part part) {
  for (int i = 0; i < part.count; ++i) to[i] = x[i];
}
static inline void store(uint16_t* to, Vec x, Part part) {
  const Halves half = narrow(x);
  for (int i = 0; i < part.count; ++i) to[i] = half[i];
}
#endif

/** `other` outside the lanes of a tail, so that padding does not enter a sum or a maximum. */
static inline Vec only(Vec x, Full, float = 0) { return x; }
static inline Vec only(Vec x, Part part, float other = 0) {
  return lane_index() < part.count ? x : broadcast(other);
}

/** Calls f(i, Full) for every whole vector of [0, size), then f(i, Part) for the tail. */
template <typename F>
static inline void for_lanes(int64_t size, F f) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) f(i, Full{});
  if (i < size) f(i, Part{static_cast<int>(size - i)});
}

static inline float to_float(float x) { return x; }
static inline float to_float(uint16_t x) { return bf16_to_f32(x); }

/** b where either is NaN. */
static inline Vec max(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xffff, a, b);
#elif defined(__AVX2__)
  return _mm256_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

/** Lane i holds lane i ^ distance. */
static inline Vec swap_lanes(Vec x, int distance) {
#if defined(__clang__)
  Vec y;
  for (int i = 0; i < kLanes; ++i) y[i] = x[i ^ distance];
  return y;
#else
  return __builtin_shuffle(x, lane_index() ^ distance);
#endif
}

/** Sum and maximum over the lanes, halving each time. */
static inline float sum(Vec x) {
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2) x += swap_lanes(x, half);
  return x[0];
}

static inline float max_lane(Vec x) {
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2) x = max(x, swap_lanes(x, half));
  return x[0];
}

static inline Vec sqrt(Vec x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

/** exp of x <= 89, as `exp` below; for the many places where x <= 0. */
static inline Vec exp_nonpositive(Vec x) {
  const float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  x = max(broadcast(-104.0f), x);
  const Vec shifted = x * 1.44269504f + kRound;
  const Vec n = shifted - kRound;
  const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
#if defined(__AVX512F__)
  return _mm512_maskz_scalef_ps(0xffff, p, n);
#else  // 2^n in two halves, so that the result may be subnormal
  const Ints power = (Ints)bits_of(shifted) - 0x4B400000;
  const Ints low = power >> 1, high = power - low;
  return p * from_bits((Words)((low + 127) << 23)) * from_bits((Words)((high + 127) << 23));
#endif
}

/** Within 2 ulp over the whole range; exp(-inf) = 0, exp(inf) = inf, NaN stays NaN. */
static inline Vec exp(Vec x) { return exp_nonpositive(x > 89.0f ? broadcast(89.0f) : x); }

static inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

/** Within 3 ulp. S. L. Moshier, Cephes, tanhf: a polynomial where |x| < 0.625. */
static inline Vec tanh(Vec x) {
  const Vec z = x * x;
  Vec p = z * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const Vec size = x < 0.0f ? -x : x;
  const Vec far = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  return size < 0.625f ? p * z * x + x : x < 0.0f ? -far : far;
}

/** The normal distribution function, relative error 2e-7 where it is not below 1e-12.
    W. Press et al., Numerical Recipes, erfc by a Chebyshev fit. */
static inline Vec normal_cdf(Vec x) {
  const Vec z = (x < 0.0f ? -x : x) * 0.70710678f;
  const Vec t = 1.0f / (1.0f + 0.5f * z);
  Vec p = t * 0.17087277f - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  const Vec tail = 0.5f * t * exp(p - z * z);
  return x < 0.0f ? tail : 1.0f - tail;
}

}  // namespace ATTUNE_ISA
}  // namespace attune
