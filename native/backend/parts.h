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

}  // namespace attune::parts
