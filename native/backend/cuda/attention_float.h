// The backward pass of attention in float32, for parity rather than for speed.
#pragma once
#include "backend/cuda/attention_tile.h"

namespace attune::cuda {

/** `delta` [H, T]: row sums of d_out * out. */
void attention_backward_float(Runtime&, const AttentionBackwardArgs&, const AttentionRule&,
                              const float* delta);

}  // namespace attune::cuda
