// RMSNorm and LayerNorm with the residual addition before them: a block per row, one read.
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.h"
#include "backend/cuda/rows.h"

namespace attune::cuda {
namespace {

template <class T>
struct NormRow {
  const T* x;
  const T* delta;
  T* sum;
  T* y;
  int64_t x_stride, delta_stride, sum_stride, y_stride, cols;
  const float* weight;
  const float* bias;
  float* stats;
  float epsilon;
  bool layer;
};

/** x + delta of V columns, rounded as it is stored; written where `sum` is wanted. */
template <int V, class T>
__device__ __forceinline__ void read_sum(const NormRow<T>& args, int64_t row, int64_t column,
                                         bool write, float (&value)[V]) {
  load(value, args.x + row * args.x_stride + column);
  if (args.delta) {
    float delta[V];
    load(delta, args.delta + row * args.delta_stride + column);
#pragma unroll
    for (int i = 0; i < V; ++i) value[i] = to_float(from_float<T>(value[i] + delta[i]));
  }
  if (write && args.sum) store(args.sum + row * args.sum_stride + column, value);
}

template <int V, class T>
__device__ __forceinline__ void write_normalised(const NormRow<T>& args, int64_t row,
                                                 int64_t column, float mean, float rstd,
                                                 const float (&value)[V]) {
  float weight[V], bias[V] = {}, y[V];
  load(weight, args.weight + column);
  if (args.bias) load(bias, args.bias + column);
#pragma unroll
  for (int i = 0; i < V; ++i) y[i] = (value[i] - mean) * rstd * weight[i] + bias[i];
  store(args.y + row * args.y_stride + column, y);
}

/** N groups of V columns in registers: thread t holds columns (t + k threads) V. */
template <class T, int V, int N>
__global__ void norm_kernel(NormRow<T> args) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t row = blockIdx.x, step = static_cast<int64_t>(blockDim.x) * V;
  const int64_t first = static_cast<int64_t>(threadIdx.x) * V;
  const float size = static_cast<float>(args.cols);
  float value[N][V] = {};
  float total = 0, mean = 0, squares = 0;
#pragma unroll
  for (int k = 0; k < N; ++k) {
    if (first + k * step >= args.cols) continue;
    read_sum(args, row, first + k * step, true, value[k]);
#pragma unroll
    for (int i = 0; i < V; ++i) total += value[k][i];
  }
  if (args.layer) mean = block_sum(total, shared) / size;
#pragma unroll
  for (int k = 0; k < N; ++k) {
    if (first + k * step >= args.cols) continue;
#pragma unroll
    for (int i = 0; i < V; ++i) squares += (value[k][i] - mean) * (value[k][i] - mean);
  }
  const float rstd = 1.0f / sqrtf(block_sum(squares, shared) / size + args.epsilon);
#pragma unroll
  for (int k = 0; k < N; ++k) {
    if (first + k * step >= args.cols) continue;
    write_normalised(args, row, first + k * step, mean, rstd, value[k]);
  }
  if (threadIdx.x == 0) {
    args.stats[2 * row] = mean;
    args.stats[2 * row + 1] = rstd;
  }
}

/** Rows that fit no registers: read once for each pass. x may be overwritten by `sum`. */
template <class T, int V>
__global__ void norm_long_kernel(NormRow<T> args) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t row = blockIdx.x, step = static_cast<int64_t>(blockDim.x) * V;
  const int64_t first = static_cast<int64_t>(threadIdx.x) * V;
  const float size = static_cast<float>(args.cols);
  float value[V], total = 0, mean = 0, squares = 0;
  for (int64_t column = first; column < args.cols; column += step) {
    read_sum(args, row, column, true, value);
#pragma unroll
    for (int i = 0; i < V; ++i) total += value[i];
  }
  if (args.sum) {  // each thread reads again what it wrote
    args.x = args.sum;
    args.x_stride = args.sum_stride;
    args.delta = nullptr;
  }
  if (args.layer) mean = block_sum(total, shared) / size;
  for (int64_t column = first; column < args.cols; column += step) {
    read_sum(args, row, column, false, value);
#pragma unroll
    for (int i = 0; i < V; ++i) squares += (value[i] - mean) * (value[i] - mean);
  }
  const float rstd = 1.0f / sqrtf(block_sum(squares, shared) / size + args.epsilon);
  for (int64_t column = first; column < args.cols; column += step) {
    read_sum(args, row, column, false, value);
    write_normalised(args, row, column, mean, rstd, value);
  }
  if (threadIdx.x == 0) {
    args.stats[2 * row] = mean;
    args.stats[2 * row + 1] = rstd;
  }
}

template <class T, int V>
void launch_norm(Runtime& runtime, const NormRow<T>& row, int64_t rows) {
  const RowShape fit = row_shape(row.cols, V);
  const Shape shape{dim3(static_cast<unsigned>(rows)), dim3(static_cast<unsigned>(fit.threads)),
                    kWarp * sizeof(float)};
  with_groups(fit.groups, [&](auto groups) {
    constexpr int N = decltype(groups)::value;
    if constexpr (N == 0) {
      launch(runtime, "norm_long", norm_long_kernel<T, V>, shape, row);
    } else {
      launch(runtime, "norm", norm_kernel<T, V, N>, shape, row);
    }
  });
}

}  // namespace

void norm(Runtime& runtime, const NormArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    const auto data = [](const Tensor& x) { return static_cast<T*>(x.data); };
    const NormRow<T> row = {data(args.x),    data(args.delta),
                            data(args.sum),  data(args.y),
                            args.x.stride,   args.delta.stride,
                            args.sum.stride, args.y.stride,
                            args.x.cols,     args.weight,
                            args.bias,       args.stats,
                            args.epsilon,    args.kind == NormKind::layer};
    bool wide = args.x.cols % V == 0 && vectorizable<float>(args.weight, 4) &&
                vectorizable<float>(args.bias, 4);
    for (const Tensor& x : {args.x, args.delta, args.sum, args.y})
      wide = wide && vectorizable<T>(x.data, x.stride);
    wide ? launch_norm<T, V>(runtime, row, args.x.rows)
         : launch_norm<T, 1>(runtime, row, args.x.rows);
  });
}

}  // namespace attune::cuda
