// Column sums in two steps: parts of the rows into the workspace, then the parts in order.
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"

namespace attune::cuda {
namespace {

constexpr int kLanesAcross = 32, kRowsAtOnce = 8, kMostParts = 64;

/** Block (strip of 32 V columns, part): parts [parts, C] of rows part, part + parts … by eights. */
template <class T, int V>
__global__ void column_parts(const T* x, int64_t stride, int64_t rows, int64_t cols, float* parts) {
  auto* shared = reinterpret_cast<float*>(shared_memory());  // [8, 32 V]
  const int lane = threadIdx.x, line = threadIdx.y;
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * kLanesAcross + lane) * V;
  float sum[V] = {};
  if (column < cols) {
    const int64_t step = static_cast<int64_t>(gridDim.y) * kRowsAtOnce;
    for (int64_t row = blockIdx.y * kRowsAtOnce + line; row < rows; row += step) {
      float value[V];
      load(value, x + row * stride + column);
#pragma unroll
      for (int i = 0; i < V; ++i) sum[i] += value[i];
    }
  }
#pragma unroll
  for (int i = 0; i < V; ++i) shared[(line * V + i) * kLanesAcross + lane] = sum[i];
  __syncthreads();
  if (line != 0 || column >= cols) return;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    float total = 0;
    for (int l = 0; l < kRowsAtOnce; ++l) total += shared[(l * V + i) * kLanesAcross + lane];
    parts[blockIdx.y * cols + column + i] = total;
  }
}

__global__ void add_column_parts(const float* parts, int count, int64_t cols, float* sums) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (column >= cols) return;
  float total = 0;
  for (int part = 0; part < count; ++part) total += parts[part * cols + column];
  sums[column] += total;
}

template <class T, int V>
void sum_parts(Runtime& runtime, const ColumnSumArgs& args, unsigned count, float* parts) {
  const auto strips =
      static_cast<unsigned>((args.x.cols + kLanesAcross * V - 1) / (kLanesAcross * V));
  launch(runtime, "column_parts", column_parts<T, V>,
         Shape{dim3(strips, count), dim3(kLanesAcross, kRowsAtOnce),
               sizeof(float) * kRowsAtOnce * kLanesAcross * V},
         static_cast<const T*>(args.x.data), args.x.stride, args.x.rows, args.x.cols, parts);
}

}  // namespace

void column_sum(Runtime& runtime, const ColumnSumArgs& args) {
  const int64_t cols = args.x.cols, lines = (args.x.rows + kRowsAtOnce - 1) / kRowsAtOnce;
  if (cols == 0 || lines == 0) return;
  const auto room = static_cast<int64_t>(Runtime::kWorkspace / sizeof(float)) / cols;
  int64_t count = lines < kMostParts ? lines : kMostParts;
  if (count > room) count = room;
  auto* parts =
      static_cast<float*>(runtime.workspace(static_cast<size_t>(count * cols) * sizeof(float)));
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    vectorizable<T>(args.x.data, args.x.stride) && cols % V == 0
        ? sum_parts<T, V>(runtime, args, static_cast<unsigned>(count), parts)
        : sum_parts<T, 1>(runtime, args, static_cast<unsigned>(count), parts);
  });
  launch(runtime, "add_column_parts", add_column_parts,
         Shape{dim3(static_cast<unsigned>((cols + 255) / 256)), dim3(256)}, parts,
         static_cast<int>(count), cols, args.sums);
}

}  // namespace attune::cuda
