// The register-blocked product that attention and the built-in matmul are made of.
#pragma once
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 3;  // 24 sums of 32 registers
#elif defined(__AVX2__)
constexpr int kTileRows = 6, kTileVectors = 2;  // 12 of 16
#else
constexpr int kTileRows = 4, kTileVectors = 2;  // 8 of 16: products need one of their own
#endif

/**
 * c [m, n] (+)= a [m, k] b [k, n]. Element (i, p) of a lies at a[i * a_row + p * a_col]; rows of b
 * and c are contiguous and padded to whole vectors, which are read and written. Sums run over k in
 * order, whatever m and n: a row's result does not depend on the block it falls in.
 */
struct Product {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_col;
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row;
  bool accumulate;
};

template <int kRows, int kVectors>
static inline void product_block(const Product& job, int64_t i, int64_t j) {
  Vec total[kRows][kVectors];
  float* c = job.c + i * job.c_row + j;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      total[r][v] = job.accumulate ? load(c + r * job.c_row + v * kLanes, Full{}) : Vec{};
    }
  }
  const float* a = job.a + i * job.a_row;
  const float* b = job.b + j;
  const int64_t a_row = job.a_row, a_col = job.a_col, b_row = job.b_row;
  for (int64_t p = 0; p < job.k; ++p, a += a_col, b += b_row) {
    Vec y[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) y[v] = load(b + v * kLanes, Full{});
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vec x = broadcast(a[r * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) total[r][v] += x * y[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(c + r * job.c_row + v * kLanes, total[r][v], Full{});
  }
}

template <int kVectors>
static inline void product_strip(const Product& job, int64_t j) {
  int64_t i = 0;
  for (; i + kTileRows <= job.m; i += kTileRows) product_block<kTileRows, kVectors>(job, i, j);
  if (i + 4 <= job.m) product_block<4, kVectors>(job, i, j), i += 4;
  if (i + 2 <= job.m) product_block<2, kVectors>(job, i, j), i += 2;
  if (i < job.m) product_block<1, kVectors>(job, i, j);
}

static __attribute__((noinline, unused)) void product(const Product& job) {
  int64_t vectors = padded(job.n) / kLanes;
  for (int64_t j = 0; vectors > 0;) {
    int width = vectors < kTileVectors ? static_cast<int>(vectors) : kTileVectors;
    if (kTileVectors == 3 && vectors == 4) width = 2;  // 2 + 2 rather than 3 + 1
    if (width == 3) product_strip<kTileVectors>(job, j);
    if (width == 2) product_strip<2>(job, j);
    if (width == 1) product_strip<1>(job, j);
    j += width * kLanes;
    vectors -= width;
  }
}

/** Interleaves the low (or high) halves of two vectors. */
static inline Vec zip(Vec a, Vec b, bool high) {
  const Ints lane = lane_index();
  const Ints index = (lane >> 1) + (lane & 1) * kLanes + (high ? kLanes / 2 : 0);
#if defined(__clang__)
  Vec mixed;
  for (int i = 0; i < kLanes; ++i) {
    mixed[i] = index[i] < kLanes ? a[index[i]] : b[index[i] - kLanes];
  }
  return mixed;
#else
  return __builtin_shuffle(a, b, index);
#endif
}

/** to [cols, rows] = from [rows, cols] transposed, as float32; rows up to the padding become 0. */
template <typename T>
static void transpose(const T* from, int64_t from_row, int64_t rows, int64_t cols, float* to,
                      int64_t to_row) {
  for (int64_t j = 0; j < cols; j += kLanes) {
    const int width = static_cast<int>(cols - j < kLanes ? cols - j : kLanes);
    for (int64_t i = 0; i < rows; i += kLanes) {
      Vec x[kLanes], y[kLanes];
      for (int r = 0; r < kLanes; ++r) {
        const T* row = from + (i + r) * from_row + j;
        if (i + r >= rows) {
          x[r] = Vec{};
        } else {
          x[r] = width == kLanes ? load(row, Full{}) : load(row, Part{width});
        }
      }
      for (int round = 1; round < kLanes; round *= 2) {
        for (int r = 0; r < kLanes / 2; ++r) {
          y[2 * r] = zip(x[r], x[r + kLanes / 2], false);
          y[2 * r + 1] = zip(x[r], x[r + kLanes / 2], true);
        }
        memcpy(x, y, sizeof x);
      }
      for (int r = 0; r < width; ++r) store(to + (j + r) * to_row + i, x[r], Full{});
    }
  }
}

/** to [rows, cols] = from as float32, times `scale`; columns up to the padding become 0. */
template <typename T>
static inline void widen_rows(const T* from, int64_t from_row, int64_t rows, int64_t cols,
                              float* to, int64_t to_row, float scale = 1) {
  for (int64_t i = 0; i < rows; ++i) {
    for_lanes(cols, [&](int64_t j, auto lanes) {
      store(to + i * to_row + j, load(from + i * from_row + j, lanes) * scale, Full{});
    });
  }
}

}  // namespace ATTUNE_ISA
}  // namespace attune
