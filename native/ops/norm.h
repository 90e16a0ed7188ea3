// RMSNorm and LayerNorm, fused with the residual addition that precedes them.
//
// Forward   s = x + delta                        (delta may be absent: s = x)
//   rms     y = s / sqrt(mean(s^2) + eps) * weight
//   layer   y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias
// Backward  with n = normalised s, g = d_y * weight, over the C columns of a row
//   rms     d_s = rstd * (g - n * mean(g * n))
//   layer   d_s = rstd * (g - mean(g) - n * mean(g * n))
//           d_weight[j] += sum_t d_y[t, j] * n[t, j];  d_bias[j] += sum_t d_y[t, j]
// Sources   B. Zhang, R. Sennrich, arXiv 1910.07467; J. Ba et al., arXiv 1607.06450.
//
// Shapes    x, delta, sum, y, d_y, d_x [T, C]; weight, bias [C] float32;
//           stats [T, 2] float32: mean (0 for rms) and reciprocal standard deviation.
// Types     activations float32 or bfloat16, all of one type; sums in float32.
//           The normalised value is taken from `sum` as stored, so that forward and
//           backward see the same rounded numbers.
// Aliasing  sum may be x or delta. y must not alias. d_x may be d_y when not accumulating.
// Writes    sum, y, stats overwritten (`sum` may be absent when delta is). d_x overwritten, or
//           added to where `accumulate` (the residual path's own gradient is already there).
//           d_weight and d_bias accumulated; absent when frozen.
// Stable    bit-stable for a given thread count.
#pragma once
#include "core/tensor.h"

namespace attune {

enum class NormKind : uint8_t { rms, layer };

struct NormArgs {
  NormKind kind = NormKind::rms;
  float epsilon = 1e-5f;
  Tensor x, delta, sum, y;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* stats = nullptr;
};

struct NormBackwardArgs {
  NormKind kind = NormKind::rms;
  Tensor d_y, sum, d_x;
  const float* weight = nullptr;
  const float* stats = nullptr;
  float* d_weight = nullptr;
  float* d_bias = nullptr;
  bool accumulate = false;
};

/** out = a + b elementwise, one type; out may be a or b. */
struct AddArgs {
  Tensor a, b, out;
};

}  // namespace attune
