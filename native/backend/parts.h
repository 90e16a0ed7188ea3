// Ops that do the work of several, made of those: for devices, shapes and types where one kernel
// that does all of it at once would not pay.
#pragma once
#include "backend/backend.h"

namespace attune::parts {

/** c [columns of a, columns of b] += a^T b, float32. */
inline void add_over_tokens(Backend& backend, Tensor a, Tensor b, float* c) {
  MatmulArgs args;
  args.a = a;
  args.b = b;
  args.c = Tensor(c, DType::f32, a.cols, b.cols);
  args.trans_a = args.accumulate = true;
  backend.matmul(args);
}

inline void adapter_backward(Backend& backend, const AdapterBackwardArgs& args) {
  const AdapterOutput& adapter = args.adapter;
  if (adapter.d_b) add_over_tokens(backend, args.d_y, adapter.low, adapter.d_b);
  MatmulArgs low;
  low.a = args.d_y;
  low.b = adapter.b;
  low.c = adapter.d_low;
  low.scale = adapter.scale;
  backend.matmul(low);
}

inline void activation(Backend& backend, const ActivationArgs& args) {
  ActivationArgs plain = args;
  plain.adapter = {};
  backend.activation(plain);
  MatmulArgs low;
  low.a = args.out;
  low.b = args.adapter.a;
  low.c = args.adapter.low;
  low.trans_b = true;
  low.scale = args.adapter.scale;
  backend.matmul(low);
}

inline void activation_backward(Backend& backend, const ActivationBackwardArgs& args) {
  if (args.out_adapter) {  // first: x and up may be overwritten
    ActivationArgs forward;
    forward.kind = args.kind;
    forward.x = args.x;
    forward.up = args.up;
    forward.out = args.out;
    backend.activation(forward);
    add_over_tokens(backend, args.out_adapter.d_low, args.out, args.out_adapter.d_a);
  }
  ActivationBackwardArgs plain = args;
  plain.x_adapter = plain.up_adapter = {};
  plain.out_adapter = {};
  backend.activation_backward(plain);
  if (args.x_adapter) backend.adapter_backward({args.d_x, args.x_adapter});
  if (args.up_adapter) backend.adapter_backward({args.d_up, args.up_adapter});
}

}  // namespace attune::parts
