// Checks of op arguments that every back end makes alike.
#pragma once
#include <string>

#include "core/error.h"
#include "ops/matmul.h"

namespace attune {

/** Throws Code::shape where the shapes, strides or types are none of ops/matmul.h. */
inline void check_shapes(const MatmulArgs& args) {
  const Tensor &a = args.a, &b = args.b, &c = args.c;
  const int64_t m = args.trans_a ? a.cols : a.rows, k = args.trans_a ? a.rows : a.cols;
  const int64_t b_k = args.trans_b ? b.cols : b.rows, n = args.trans_b ? b.rows : b.cols;
  const bool shapes = k == b_k && c.rows == m && c.cols == n;
  const bool strides = a.stride >= a.cols && b.stride >= b.cols && c.stride >= c.cols;
  const bool types =
      a.dtype == b.dtype && a.dtype != DType::f16 && (c.dtype == DType::f32 || c.dtype == a.dtype);
  if (shapes && strides && types) return;
  const auto shown = [](const char* name, const Tensor& x, bool transposed) {
    return std::string(name) + " [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) +
           "] " + dtype_name(x.dtype) + (transposed ? " transposed" : "");
  };
  throw Error(Code::shape, "matmul",
              shown("a", a, args.trans_a) + " times " + shown("b", b, args.trans_b) +
                  " does not give " + shown("c", c, false));
}

}  // namespace attune
