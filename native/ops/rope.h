// Rotary position embedding, half-split layout, in place.
//
// For head h, pair i < E/2, at position p, with angle p * f_i:
//   x[i], x[i + E/2] <- x[i] cos - x[i + E/2] sin, x[i + E/2] cos + x[i] sin
// Backward is the inverse rotation: `inverse` negates the sine.
// Source    J. Su et al., arXiv 2104.09864; frequencies (and any scaling) are data of the model.
//
// Shapes    x [T, heads * E] (rows may be strided: a block of the fused q/k/v buffer);
//           cosine, sine [P, E/2] float32, row p for position p; positions [T], each < P.
// Types     x float32 or bfloat16; arithmetic float32.
#pragma once
#include "core/tensor.h"

namespace attune {

struct RopeArgs {
  Tensor x;
  int64_t heads = 0;
  const int32_t* positions = nullptr;
  const float* cosine = nullptr;
  const float* sine = nullptr;
  bool inverse = false;
};

}  // namespace attune
