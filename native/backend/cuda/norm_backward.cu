// Backward pass of the norms. Frozen weights: a block per row. Trained weights: a fixed number of
// blocks, each taking rows in turn and keeping the sums of its columns, which a second kernel adds
// up in order.
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.h"
#include "backend/cuda/rows.h"

namespace attune::cuda {
namespace {

template <class T>
struct NormBackwardRow {
  const T* d_y;
  const T* sum;
  T* d_x;
  int64_t d_y_stride, sum_stride, d_x_stride, rows, cols;
  const float* weight;
  const float* stats;
  float* weight_parts;  // [blocks, C], and so are bias_parts; absent where frozen
  float* bias_parts;
  bool layer, accumulate;
};

/** n and d_y of V columns. */
template <int V, class T>
__device__ __forceinline__ void read_row(const NormBackwardRow<T>& args, int64_t row,
                                         int64_t column, float mean, float rstd, float (&n)[V],
                                         float (&d_y)[V]) {
  load(n, args.sum + row * args.sum_stride + column);
  load(d_y, args.d_y + row * args.d_y_stride + column);
#pragma unroll
  for (int i = 0; i < V; ++i) n[i] = (n[i] - mean) * rstd;
}

template <int V, class T>
__device__ __forceinline__ void write_row(const NormBackwardRow<T>& args, int64_t row,
                                          int64_t column, float rstd, const float (&means)[2],
                                          const float (&weight)[V], const float (&n)[V],
                                          const float (&d_y)[V]) {
  T* to = args.d_x + row * args.d_x_stride + column;
  float d_x[V] = {};
  if (args.accumulate) load(d_x, to);
#pragma unroll
  for (int i = 0; i < V; ++i) d_x[i] += rstd * (d_y[i] * weight[i] - means[0] - n[i] * means[1]);
  store(to, d_x);
}

/** means of g (layer norm only) and of g n over the row; every thread gives its part. */
template <class T>
__device__ __forceinline__ void finish_means(const NormBackwardRow<T>& args, float (&means)[2],
                                             float* shared) {
  block_reduce<Sum>(means, shared);
  means[0] = args.layer ? means[0] / static_cast<float>(args.cols) : 0.0f;
  means[1] /= static_cast<float>(args.cols);
}

template <class T, int V, int N, bool Trains>
__global__ void norm_backward_kernel(NormBackwardRow<T> args) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t step = static_cast<int64_t>(blockDim.x) * V;
  const int64_t first = static_cast<int64_t>(threadIdx.x) * V;
  float weight[N][V] = {}, d_weight[Trains ? N : 1][V] = {}, d_bias[Trains ? N : 1][V] = {};
#pragma unroll
  for (int k = 0; k < N; ++k)
    if (first + k * step < args.cols) load(weight[k], args.weight + first + k * step);
  for (int64_t row = blockIdx.x; row < args.rows; row += gridDim.x) {
    const float mean = args.stats[2 * row], rstd = args.stats[2 * row + 1];
    float n[N][V] = {}, d_y[N][V] = {}, means[2] = {};
#pragma unroll
    for (int k = 0; k < N; ++k) {
      if (first + k * step >= args.cols) continue;
      read_row(args, row, first + k * step, mean, rstd, n[k], d_y[k]);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        means[0] += d_y[k][i] * weight[k][i];
        means[1] += d_y[k][i] * weight[k][i] * n[k][i];
        if constexpr (Trains) {
          d_weight[k][i] += d_y[k][i] * n[k][i];
          d_bias[k][i] += d_y[k][i];
        }
      }
    }
    finish_means(args, means, shared);
#pragma unroll
    for (int k = 0; k < N; ++k)
      if (first + k * step < args.cols)
        write_row(args, row, first + k * step, rstd, means, weight[k], n[k], d_y[k]);
  }
  if constexpr (Trains) {
#pragma unroll
    for (int k = 0; k < N; ++k) {
      if (first + k * step >= args.cols) continue;
      const int64_t at = blockIdx.x * args.cols + first + k * step;
#pragma unroll
      for (int i = 0; i < V; ++i) {
        args.weight_parts[at + i] = d_weight[k][i];
        if (args.bias_parts) args.bias_parts[at + i] = d_bias[k][i];
      }
    }
  }
}

/** Rows that fit no registers. A thread meets the same columns in every row. */
template <class T, int V>
__global__ void norm_backward_long_kernel(NormBackwardRow<T> args) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t step = static_cast<int64_t>(blockDim.x) * V;
  const int64_t first = static_cast<int64_t>(threadIdx.x) * V;
  float weight[V], n[V], d_y[V];
  for (int64_t row = blockIdx.x; row < args.rows; row += gridDim.x) {
    const float mean = args.stats[2 * row], rstd = args.stats[2 * row + 1];
    const bool begins = row == blockIdx.x;
    float means[2] = {};
    for (int64_t column = first; column < args.cols; column += step) {
      load(weight, args.weight + column);
      read_row(args, row, column, mean, rstd, n, d_y);
      const int64_t at = blockIdx.x * args.cols + column;
#pragma unroll
      for (int i = 0; i < V; ++i) {
        means[0] += d_y[i] * weight[i];
        means[1] += d_y[i] * weight[i] * n[i];
        float* d_weight = args.weight_parts ? args.weight_parts + at + i : nullptr;
        float* d_bias = args.bias_parts ? args.bias_parts + at + i : nullptr;
        if (d_weight) *d_weight = (begins ? 0.0f : *d_weight) + d_y[i] * n[i];
        if (d_bias) *d_bias = (begins ? 0.0f : *d_bias) + d_y[i];
      }
    }
    finish_means(args, means, shared);
    for (int64_t column = first; column < args.cols; column += step) {
      load(weight, args.weight + column);
      read_row(args, row, column, mean, rstd, n, d_y);
      write_row(args, row, column, rstd, means, weight, n, d_y);
    }
  }
}

__global__ void add_norm_parts(const float* weight_parts, const float* bias_parts, int count,
                               int64_t cols, float* d_weight, float* d_bias) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (column >= cols) return;
  float weight = 0, bias = 0;
  for (int part = 0; part < count; ++part) {
    weight += weight_parts[part * cols + column];
    if (d_bias) bias += bias_parts[part * cols + column];
  }
  d_weight[column] += weight;
  if (d_bias) d_bias[column] += bias;
}

template <class T, int V>
void launch_backward(Runtime& runtime, const NormBackwardRow<T>& row, unsigned blocks) {
  const RowShape fit = row_shape(row.cols, V);
  const Shape shape{dim3(blocks), dim3(static_cast<unsigned>(fit.threads)),
                    2 * kWarp * sizeof(float)};
  with_groups(fit.groups, [&](auto groups) {
    constexpr int N = decltype(groups)::value;
    if constexpr (N == 0) {
      launch(runtime, "norm_backward_long", norm_backward_long_kernel<T, V>, shape, row);
    } else if (row.weight_parts) {
      launch(runtime, "norm_backward_trained", norm_backward_kernel<T, V, N, true>, shape, row);
    } else {
      launch(runtime, "norm_backward", norm_backward_kernel<T, V, N, false>, shape, row);
    }
  });
}

}  // namespace

void norm_backward(Runtime& runtime, const NormBackwardArgs& args) {
  const int64_t rows = args.d_y.rows, cols = args.d_y.cols;
  if (rows == 0 || cols == 0) return;
  int64_t blocks = rows;
  float* parts = nullptr;
  if (args.d_weight) {
    const int64_t most = 4 * static_cast<int64_t>(runtime.facts().multiprocessors);
    const auto room = static_cast<int64_t>(Runtime::kWorkspace / (2 * sizeof(float))) / cols;
    if (blocks > most) blocks = most;
    if (blocks > room) blocks = room;
    parts = static_cast<float*>(
        runtime.workspace(static_cast<size_t>(2 * blocks * cols) * sizeof(float)));
  }
  float* bias_parts = args.d_bias ? parts + blocks * cols : nullptr;
  with_type(args.d_y.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    const NormBackwardRow<T> row = {static_cast<const T*>(args.d_y.data),
                                    static_cast<const T*>(args.sum.data),
                                    static_cast<T*>(args.d_x.data),
                                    args.d_y.stride,
                                    args.sum.stride,
                                    args.d_x.stride,
                                    rows,
                                    cols,
                                    args.weight,
                                    args.stats,
                                    parts,
                                    bias_parts,
                                    args.kind == NormKind::layer,
                                    args.accumulate};
    bool wide = cols % V == 0 && vectorizable<float>(args.weight, 4);
    for (const Tensor& x : {args.d_y, args.sum, args.d_x})
      wide = wide && vectorizable<T>(x.data, x.stride);
    wide ? launch_backward<T, V>(runtime, row, static_cast<unsigned>(blocks))
         : launch_backward<T, 1>(runtime, row, static_cast<unsigned>(blocks));
  });
  if (!args.d_weight) return;
  launch(runtime, "add_norm_parts", add_norm_parts,
         Shape{dim3(static_cast<unsigned>((cols + 255) / 256)), dim3(256)}, parts, bias_parts,
         static_cast<int>(blocks), cols, args.d_weight, args.d_bias);
}

}  // namespace attune::cuda
