// Sums over whole tensors in float64. Partial sums have a fixed size and a fixed order, whatever
// the device, so that a norm is the same at every run.
#include "backend/cuda/reduce.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"

namespace attune::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kPart = 1 << 15;  // elements of a partial sum
constexpr int kTensors = 64;        // of one launch

struct SquareTable {
  const float* data[kTensors];
  int64_t size[kTensors];
  int first[kTensors + 1];  // partial sum at which a tensor begins
  int count;
};

__global__ void __launch_bounds__(kThreads) square_parts(SquareTable table, double* parts) {
  auto* shared = reinterpret_cast<double*>(shared_memory());
  int tensor = 0;
  while (static_cast<int>(blockIdx.x) >= table.first[tensor + 1]) ++tensor;
  const float* data = table.data[tensor];
  const int64_t begin = (static_cast<int64_t>(blockIdx.x) - table.first[tensor]) * kPart;
  const int64_t rest = table.size[tensor] - begin, size = rest < kPart ? rest : kPart;
  double total = 0;
  const bool wide = reinterpret_cast<uintptr_t>(data) % 16 == 0;
  const int64_t whole = wide ? size / 4 * 4 : 0;
  for (int64_t i = 4 * static_cast<int64_t>(threadIdx.x); i < whole; i += 4 * kThreads) {
    float value[4];
    load(value, data + begin + i);
#pragma unroll
    for (int k = 0; k < 4; ++k) total += static_cast<double>(value[k]) * value[k];
  }
  for (int64_t i = whole + threadIdx.x; i < size; i += kThreads)
    total += static_cast<double>(data[begin + i]) * data[begin + i];
  total = block_sum(total, shared);
  if (threadIdx.x == 0) parts[blockIdx.x] = total;
}

__global__ void __launch_bounds__(1024) add_parts(const double* parts, int count, double* result) {
  auto* shared = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int i = threadIdx.x; i < count; i += blockDim.x) total += parts[i];
  total = block_sum(total, shared);
  if (threadIdx.x == 0) *result = total;
}

struct SumTable {
  const float* data[kTensors];
};

/** A block for each tensor. */
__global__ void __launch_bounds__(1024) sum_kernel(SumTable table, int64_t size, double* results) {
  auto* shared = reinterpret_cast<double*>(shared_memory());
  const float* data = table.data[blockIdx.x];
  double total = 0;
  for (int64_t i = threadIdx.x; i < size; i += blockDim.x) total += static_cast<double>(data[i]);
  total = block_sum(total, shared);
  if (threadIdx.x == 0) results[blockIdx.x] = total;
}

constexpr size_t kShared = kWarp * sizeof(double);

}  // namespace

void sums(Runtime& runtime, const SumsArgs& args, double* result) {
  for (int64_t first = 0; first < args.count; first += kTensors) {
    SumTable table = {};
    const int64_t count = args.count - first < kTensors ? args.count - first : kTensors;
    for (int64_t k = 0; k < count; ++k) table.data[k] = args.tensors[first + k];
    launch(runtime, "sums", sum_kernel,
           Shape{dim3(static_cast<unsigned>(count)), dim3(1024), kShared}, table, args.size,
           result + first);
  }
}

void square_sum(Runtime& runtime, const SquareSumArgs& args, double* result) {
  const auto parts_of = [](int64_t size) { return static_cast<int>((size + kPart - 1) / kPart); };
  int total = 0;
  for (int64_t i = 0; i < args.count; ++i) total += parts_of(args.sizes[i]);
  auto* parts = static_cast<double*>(
      runtime.workspace(static_cast<size_t>(total > 0 ? total : 1) * sizeof(double)));
  int done = 0;
  for (int64_t first = 0; first < args.count; first += kTensors) {
    SquareTable table = {};
    table.count = static_cast<int>(args.count - first < kTensors ? args.count - first : kTensors);
    for (int k = 0; k < table.count; ++k) {
      table.data[k] = args.tensors[first + k];
      table.size[k] = args.sizes[first + k];
      table.first[k + 1] = table.first[k] + parts_of(table.size[k]);
    }
    const int blocks = table.first[table.count];
    launch(runtime, "square_parts", square_parts,
           Shape{dim3(static_cast<unsigned>(blocks)), dim3(kThreads), kShared}, table,
           parts + done);
    done += blocks;
  }
  launch(runtime, "add_square_parts", add_parts, Shape{dim3(1), dim3(1024), kShared}, parts, total,
         result);
}

}  // namespace attune::cuda
