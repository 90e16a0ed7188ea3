// A linear layer with its adapters, forward and backward.
//
//   y_m  = x W_m^T + b_m + s drop_m(x) A_m^T B_m^T          for each member m of the Linear
// With low = s drop(x) A^T and d_low_m = s d_y_m B_m:
//   d_B_m += d_y_m^T low_m      d_A_m += d_low_m^T drop_m(x)     d_x (+)= d_y W + d_low A
//   d_W   += d_y^T x            d_b   += column sums of d_y
// The adapters cost no pass over y or d_x: low is written behind the columns of x and d_low behind
// those of d_y, and the one product with the extended weights (params.h) adds their part,
//   y = [x, low] [W, B]^T       d_x (+)= [d_y, d_low] [W; A]
// With dropout d_x is made of two products, since each member drops its own elements of x. The
// gradient of a frozen W is never formed.
// Source: E. Hu et al., arXiv 2106.09685; file format and dropout as in PEFT.
//
// Room: x and d_y of an adapted Linear have `adapters * R` columns of room behind their rows
// (Arena::roomy), which these functions overwrite.
#pragma once
#include "backend/backend.h"
#include "model/params.h"

namespace attune {

/** What a Linear needs besides its tensors. */
struct LinearContext {
  LinearContext(Backend& backend, float scale, int64_t rank)
      : backend(backend), scale(scale), rank(rank) {}

  Backend& backend;
  float scale;
  int64_t rank;
  bool adapters = true;           // false once merged
  float dropout = 0;              // 0 outside training
  uint64_t seed = 0, stream = 0;  // stream names the micro-batch and the Linear
  Tensor dropped, d_dropped;      // scratch, dropout only
};

/**
 * y [T, out] from x [T, in]. Where `low` [T, adapters * R] is present, it is written for the
 * backward pass. `made`: whoever made x has made of it what `of_input` says.
 */
void linear_forward(const LinearContext&, const Linear&, Tensor x, Tensor y, Tensor low,
                    bool made = false);

struct LinearBackward {
  Tensor x, d_y, low;
  Tensor d_x;                // absent: not wanted
  bool accumulate = false;   // d_x is added to
  bool input_made = false;   // what `of_input_backward` says is made elsewhere; x is not read then
  bool output_made = false;  // and what `of_output` says, by whoever made d_y
};

// What an op that has x or d_y at hand may make of it in passing (ops/adapter.h); absent where
// there is nothing to make, or it is not made of x itself because of dropout.
AdapterInput of_input(const LinearContext&, const Linear&, Tensor x);
AdapterInputBackward of_input_backward(const LinearContext&, const Linear&, Tensor d_y);
/** Of one member; `low` and `d_y` are those of the whole Linear. */
AdapterOutput of_output(const LinearContext&, const Linear&, size_t member, Tensor d_y, Tensor low);

/** Adds to the gradients of whatever the Linear trains; d_x must not overlap x or d_y. */
void linear_backward(const LinearContext&, const Linear&, const LinearBackward&);

/** W_m += s B_m A_m for every adapter; float32 weights only. */
void linear_merge(const LinearContext&, Linear&);

}  // namespace attune
