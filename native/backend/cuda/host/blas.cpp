// Dense products by their definition.
#include "backend/cuda/blas.h"

#include <vector>

#include "backend/cuda/host/launch.h"
#include "backend/shapes.h"

namespace attune::cuda {
namespace {

float element(const Tensor& x, int64_t i, int64_t j) {
  const int64_t at = i * x.stride + j;
  return x.dtype == DType::bf16 ? bf16_to_f32(x.bf16()[at]) : x.f32()[at];
}

/** op(x), row after row. */
std::vector<float> widened(const Tensor& x, bool transpose) {
  const int64_t rows = transpose ? x.cols : x.rows, cols = transpose ? x.rows : x.cols;
  std::vector<float> all;
  all.reserve(static_cast<size_t>(rows * cols));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j)
      all.push_back(transpose ? element(x, j, i) : element(x, i, j));
  }
  return all;
}

void multiply(const MatmulArgs& args) {
  const Tensor& c = args.c;
  const int64_t n = c.cols, k = args.trans_a ? args.a.rows : args.a.cols;
  if (k == 0 && args.accumulate && !args.bias) return;
  const std::vector<float> a = widened(args.a, args.trans_a), b = widened(args.b, args.trans_b);
  std::vector<float> sums(static_cast<size_t>(n));
  for (int64_t i = 0; i < c.rows; ++i) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (int64_t p = 0; p < k; ++p) {
      const float left = a[static_cast<size_t>(i * k + p)];
      const float* right = b.data() + p * n;
      for (int64_t j = 0; j < n; ++j) sums[static_cast<size_t>(j)] += left * right[j];
    }
    for (int64_t j = 0; j < n; ++j) {
      float value = sums[static_cast<size_t>(j)] * args.scale;
      if (args.bias) value += args.bias[j];
      if (args.accumulate) value += element(c, i, j);
      const int64_t at = i * c.stride + j;
      if (c.dtype == DType::bf16) {
        c.bf16()[at] = f32_to_bf16(value);
      } else {
        c.f32()[at] = value;
      }
    }
  }
}

}  // namespace

struct Blas::State {
  Runtime& runtime;
};

Blas::Blas(Runtime& runtime, bool) : state_(new State{runtime}) {}
Blas::~Blas() = default;

void Blas::matmul(const MatmulArgs& args) {
  check_shapes(args);
  if (args.c.rows == 0 || args.c.cols == 0) return;
  host::submit(state_->runtime, "matmul", [=] { multiply(args); });
}

}  // namespace attune::cuda
