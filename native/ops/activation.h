// Feed-forward activation, plain or gated.
//
// Forward   plain: out = f(x)            gated: out = f(x) * up
// Backward  plain: d_x = d_out f'(x)     gated: d_x = d_out up f'(x), d_up = d_out f(x)
//   silu f(x) = x sigmoid(x) · relu f(x) = max(x, 0) · gelu f(x) = x Phi(x) (erf form)
//   gelu_tanh: the tanh approximation. Sources: arXiv 2002.05202 (gating), 1606.08415 (gelu).
//
// Shapes    all [T, F]; rows may be strided (x and up are halves of one buffer).
// Types     float32 or bfloat16, all of one type; arithmetic float32.
// Aliasing  d_x may be x and d_up may be up (in place); out must not alias.
// Writes    overwritten.
// Adapters  (adapter.h) of the product whose input `out` is: low, and d_a. Of the products whose
//           outputs x and up are: what their gradients d_x and d_up give.
#pragma once
#include "ops/adapter.h"

namespace attune {

enum class Activation : uint8_t { silu, relu, gelu, gelu_tanh };

struct ActivationArgs {
  Activation kind = Activation::silu;
  Tensor x, up, out;     // up absent: plain
  AdapterInput adapter;  // optional
};

struct ActivationBackwardArgs {
  Activation kind = Activation::silu;
  Tensor x, up, d_out, d_x, d_up;
  AdapterOutput x_adapter, up_adapter;  // optional
  AdapterInputBackward out_adapter;     // optional; needs
  Tensor out;                           // room for `out`, [T, F]: what it holds then is not said
};

}  // namespace attune
