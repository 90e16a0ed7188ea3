// What an adapter needs of a matrix while that is at hand.
//
// The adapter of a product y = x w^T adds scale (x a^T) b^T (model/linear.h):
//   of its input x              low   = scale x a^T
//   of its input, backward      d_a  += d_low^T x
//   of its output's gradient    d_b  += d_y^T low        d_low = scale d_y b
// Ops that make such a matrix take these structures, and make of it, as it is stored, what of them
// is present.
//
// Shapes    x [T, in], d_y [T, out], a [R, in], b [out, R], low and d_low [T, R]; rows may be
//           strided. d_a [R, in] and d_b [out, R] float32, contiguous.
// Types     float32 or bfloat16, all but d_a and d_b of one type; sums in float32.
// Aliasing  low and d_low may lie behind the columns of x and d_y; nothing overlaps.
// Writes    low and d_low overwritten; d_a and d_b accumulated, absent where not wanted.
// Stable    bit-stable for a given shape, machine and thread count.
#pragma once
#include "core/tensor.h"

namespace attune {

/** What is made of a product's input. */
struct AdapterInput {
  Tensor a, low;
  float scale = 1;
  explicit operator bool() const { return static_cast<bool>(low); }
};

/** What is made of it backward. */
struct AdapterInputBackward {
  Tensor d_low;
  float* d_a = nullptr;
  explicit operator bool() const { return d_a != nullptr; }
};

/** What is made of the gradient of a product's output. */
struct AdapterOutput {
  Tensor b, low, d_low;
  float* d_b = nullptr;
  float scale = 1;
  explicit operator bool() const { return static_cast<bool>(d_low); }
};

/** d_b and d_low of one adapter, d_y read once where a device can. */
struct AdapterBackwardArgs {
  Tensor d_y;
  AdapterOutput adapter;
};

}  // namespace attune
