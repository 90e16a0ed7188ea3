// Elementwise kernels: one body, called for every group of V columns of a matrix.
#pragma once
#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"

namespace attune::cuda {

constexpr unsigned kEachThreads = 256;
constexpr unsigned kEachGroups = 2;  // of a thread, so that two accesses are in flight

template <int V, class Body>
__global__ void __launch_bounds__(kEachThreads)
    each_kernel(Body body, int64_t first_row, unsigned groups_of_row, unsigned groups) {
  unsigned group = blockIdx.x * kEachThreads * kEachGroups + threadIdx.x;
#pragma unroll
  for (unsigned i = 0; i < kEachGroups; ++i, group += kEachThreads) {
    if (group >= groups) return;
    body(first_row + group / groups_of_row, group % groups_of_row * V);
  }
}

/**
 * Calls body(row, column) for column = 0, V, 2V … of every row; V divides `cols`. Body is a struct
 * with a device operator() (int64_t row, int64_t column).
 */
template <int V, class Body>
void launch_each(Runtime& runtime, const char* name, int64_t rows, int64_t cols, const Body& body) {
  const int64_t groups_of_row = cols / V, most = int64_t{1} << 30;
  if (groups_of_row == 0) return;
  const int64_t rows_at_a_time = groups_of_row < most ? most / groups_of_row : 1;
  for (int64_t first = 0; first < rows; first += rows_at_a_time) {
    const int64_t count = rows - first < rows_at_a_time ? rows - first : rows_at_a_time;
    const auto groups = static_cast<unsigned>(count * groups_of_row);
    const unsigned of_block = kEachThreads * kEachGroups;
    launch(runtime, name, each_kernel<V, Body>,
           Shape{dim3((groups + of_block - 1) / of_block), dim3(kEachThreads)}, body, first,
           static_cast<unsigned>(groups_of_row), groups);
  }
}

}  // namespace attune::cuda
