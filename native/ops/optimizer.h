// What happens once per optimizer step.
//
// Square sum  returns sum of x^2 over all tensors, accumulated in float64 in a fixed order.
// AdamW       I. Loshchilov, F. Hutter, arXiv 1711.05101, as torch.optim.AdamW computes it:
//   g  = gradient * gradient_scale          (1 / trained tokens, times the clipping factor)
//   p -= lr * decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
//   copy = p in the copy's type where the compute copy is present; gradient is set to 0 in the
//   same pass. All tensors of a step are given at once.
//
// Types       master, gradient, first and second moment float32, contiguous, rows * cols elements
//             each; copy [rows, cols] float32 or bfloat16, rows may be strided.
// Stable      bit-stable for any thread count.
#pragma once
#include <cstdint>

#include "core/tensor.h"

namespace attune {

/** results[k] = sum of tensors[k] (`size` float32 each) in float64, in a fixed order. */
struct SumsArgs {
  const float* const* tensors = nullptr;
  int64_t count = 0, size = 0;
  double* results = nullptr;  // [count], on the host
};

struct SquareSumArgs {
  const float* const* tensors = nullptr;
  const int64_t* sizes = nullptr;
  int64_t count = 0;
};

struct AdamwTensor {
  float* master = nullptr;
  float* gradient = nullptr;
  float* first = nullptr;
  float* second = nullptr;
  Tensor copy;  // absent where the master is what the kernels read
  int64_t rows = 0, cols = 0;
  double weight_decay = 0;
};

struct AdamwArgs {
  const AdamwTensor* tensors = nullptr;
  int64_t count = 0;
  float gradient_scale = 1;
  double learning_rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  int64_t step = 1;  // t, from 1
};

/** out = x converted (float32 <-> bfloat16), `scale` applied in float32; same shape. */
struct CastArgs {
  Tensor x, out;
  float scale = 1;
};

/**
 * Inverted dropout with a counter-based stream: element e of the [T, C] matrix (row-major,
 * e = t * C + j) is kept when uniform(philox(seed, stream, e / 4).word[e % 4]) >= rate.
 * y (+)= keep ? x / (1 - rate) : 0. Backward is the same call on the gradient. y may be x
 * when not accumulating.
 */
struct DropoutArgs {
  Tensor x, y;
  float rate = 0;
  uint64_t seed = 0, stream = 0;
  bool accumulate = false;
};

}  // namespace attune
