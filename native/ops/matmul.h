// Dense product.   c (+)= scale * op(a) op(b) + bias
//
// Shapes   op(a) [M, K], op(b) [K, N], c [M, N], bias [N] float32 or absent.
//          op(x) is x, or its transpose where trans_x is set; rows may be strided.
// Types    a and b of one type (float32 or bfloat16); c float32 or that type.
// Aliasing c must not overlap a, b or bias.
// Writes   c is overwritten, or added to where `accumulate` is set.
// Sums     float32. Bit-stable for a given shape, machine and thread count.
// Zero     M, N or K equal to 0 is allowed; K = 0 yields bias (or leaves c when accumulating).
#pragma once
#include "core/tensor.h"

namespace attune {

struct MatmulArgs {
  Tensor a, b, c;
  bool trans_a = false;
  bool trans_b = false;
  bool accumulate = false;
  float scale = 1;
  const float* bias = nullptr;
};

/** bias gradient: sums[j] += sum over i of x[i, j]; x [T, C] float32 or bfloat16, sums float32. */
struct ColumnSumArgs {
  Tensor x;
  float* sums = nullptr;
};

}  // namespace attune
