// AdamW over many tensors in one launch: 28 bytes an element are read and written once, and 2 or 4
// more of the copy.
#include <cmath>

#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"

namespace attune::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = 4 * kThreads * 4;  // of a block
constexpr int kTensors = 32;                 // of one launch: arguments take at most 4 KiB

struct Entry {
  float* master;
  float* gradient;
  float* first;
  float* second;
  void* copy;
  int64_t size, cols, copy_stride;
  float decay;  // 1 - learning rate * weight decay
  bool wide, half;
};

struct Table {
  Entry entry[kTensors];
  unsigned block[kTensors + 1];  // at which a tensor begins
};

/** Constants of a step, computed in float64 and rounded once. */
struct Constants {
  float beta1, rest1, beta2, rest2, rate, root, epsilon, scale;
};

template <int V>
__device__ __forceinline__ void step_elements(const Entry& entry, const Constants& c, int64_t at) {
  float p[V], g[V], m[V], v[V];
  load(p, entry.master + at);
  load(g, entry.gradient + at);
  load(m, entry.first + at);
  load(v, entry.second + at);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    g[i] *= c.scale;
    m[i] = m[i] * c.beta1 + g[i] * c.rest1;
    v[i] = v[i] * c.beta2 + g[i] * g[i] * c.rest2;
    p[i] = p[i] * entry.decay - c.rate * m[i] / (sqrtf(v[i]) * c.root + c.epsilon);
    g[i] = 0;
  }
  store(entry.master + at, p);
  store(entry.gradient + at, g);
  store(entry.first + at, m);
  store(entry.second + at, v);
  if (!entry.copy) return;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    const int64_t element = at + i, row = element / entry.cols;
    const int64_t to = element + row * (entry.copy_stride - entry.cols);
    if (entry.half) {
      static_cast<bf16*>(entry.copy)[to] = to_bf16(p[i]);
    } else {
      static_cast<float*>(entry.copy)[to] = p[i];
    }
  }
}

__global__ void __launch_bounds__(kThreads) adamw_kernel(Table table, Constants constants) {
  int tensor = 0;
  while (blockIdx.x >= table.block[tensor + 1]) ++tensor;
  const Entry& entry = table.entry[tensor];
  const int64_t begin = static_cast<int64_t>(blockIdx.x - table.block[tensor]) * kElements;
  const int64_t end = begin + kElements < entry.size ? begin + kElements : entry.size;
  const int64_t whole = entry.wide ? begin + (end - begin) / 4 * 4 : begin;
  for (int64_t i = begin + 4 * static_cast<int64_t>(threadIdx.x); i < whole; i += 4 * kThreads)
    step_elements<4>(entry, constants, i);
  for (int64_t i = whole + threadIdx.x; i < end; i += kThreads)
    step_elements<1>(entry, constants, i);
}

Constants constants_of(const AdamwArgs& args) {
  const auto t = static_cast<double>(args.step);
  Constants c;
  c.beta1 = static_cast<float>(args.beta1);
  c.rest1 = static_cast<float>(1 - args.beta1);
  c.beta2 = static_cast<float>(args.beta2);
  c.rest2 = static_cast<float>(1 - args.beta2);
  c.rate = static_cast<float>(args.learning_rate / (1 - std::pow(args.beta1, t)));
  c.root = static_cast<float>(1 / std::sqrt(1 - std::pow(args.beta2, t)));
  c.epsilon = static_cast<float>(args.epsilon);
  c.scale = args.gradient_scale;
  return c;
}

Entry entry_of(const AdamwTensor& tensor, double learning_rate) {
  const bool contiguous = !tensor.copy || tensor.copy.contiguous();
  Entry entry = {tensor.master,
                 tensor.gradient,
                 tensor.first,
                 tensor.second,
                 tensor.copy.data,
                 tensor.rows * tensor.cols,
                 contiguous ? tensor.rows * tensor.cols : tensor.cols,
                 contiguous ? tensor.rows * tensor.cols : tensor.copy.stride,
                 static_cast<float>(1 - learning_rate * tensor.weight_decay),
                 true,
                 tensor.copy.dtype == DType::bf16};
  for (const float* data : {tensor.master, tensor.gradient, tensor.first, tensor.second})
    entry.wide = entry.wide && vectorizable<float>(data, 4);
  return entry;
}

}  // namespace

void adamw(Runtime& runtime, const AdamwArgs& args) {
  const Constants constants = constants_of(args);
  for (int64_t first = 0; first < args.count; first += kTensors) {
    const int64_t count = args.count - first < kTensors ? args.count - first : kTensors;
    Table table = {};
    for (int64_t k = 0; k < count; ++k) {
      table.entry[k] = entry_of(args.tensors[first + k], args.learning_rate);
      table.block[k + 1] =
          table.block[k] + static_cast<unsigned>((table.entry[k].size + kElements - 1) / kElements);
    }
    launch(runtime, "adamw", adamw_kernel, Shape{dim3(table.block[count]), dim3(kThreads)}, table,
           constants);
  }
}

}  // namespace attune::cuda
