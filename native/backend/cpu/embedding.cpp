// Rows by index. Bound by memory: one pass; the backward pass gives each thread its own columns,
// so that rows that share an index are added in order.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

template <typename In, typename Out>
void embed(const EmbeddingArgs& args) {
  const int64_t rows = args.out.rows, cols = args.out.cols;
#pragma omp parallel for schedule(static) if (rows * cols > kParallelWork)
  for (int64_t t = 0; t < rows; ++t) {
    const int64_t index = args.indices[t] + args.offset;
    const In* from = static_cast<const In*>(args.table.data) + index * args.table.stride;
    Out* to = static_cast<Out*>(args.out.data) + t * args.out.stride;
    for_lanes(cols, [&](int64_t j, auto lanes) {
      Vec x = load(from + j, lanes);
      if (args.accumulate) x += load(to + j, lanes);
      store(to + j, x, lanes);
    });
  }
}

template <typename T>
void scatter_add(const EmbeddingBackwardArgs& args) {
  const int64_t rows = args.d_out.rows, cols = args.d_out.cols;
#pragma omp parallel if (rows * cols > kParallelWork)
  {
    const Range columns = share(cols, 16);
    for (int64_t t = 0; t < rows; ++t) {
      const int64_t index = args.indices[t] + args.offset;
      const T* from =
          static_cast<const T*>(args.d_out.data) + t * args.d_out.stride + columns.begin;
      float* to = args.d_table.f32() + index * args.d_table.stride + columns.begin;
      for_lanes(columns.end - columns.begin, [&](int64_t j, auto lanes) {
        store(to + j, load(to + j, lanes) + load(from + j, lanes), lanes);
      });
    }
  }
}

uint8_t* row_of(const Tensor& x, int64_t row) {
  return static_cast<uint8_t*>(x.data) + row * x.stride * static_cast<int64_t>(size_of(x.dtype));
}

size_t row_bytes(const Tensor& x) { return static_cast<size_t>(x.cols) * size_of(x.dtype); }

}  // namespace

void Kernels::embedding(const EmbeddingArgs& args) {
  if (args.table.dtype == DType::bf16) {
    args.out.dtype == DType::bf16 ? embed<uint16_t, uint16_t>(args) : embed<uint16_t, float>(args);
  } else {
    args.out.dtype == DType::bf16 ? embed<float, uint16_t>(args) : embed<float, float>(args);
  }
}

void Kernels::embedding_backward(const EmbeddingBackwardArgs& args) {
  args.d_out.dtype == DType::bf16 ? scatter_add<uint16_t>(args) : scatter_add<float>(args);
}

void Kernels::gather_rows(const GatherRowsArgs& args) {
#pragma omp parallel for schedule(static) if (args.out.size() > kParallelWork)
  for (int64_t i = 0; i < args.out.rows; ++i) {
    memcpy(row_of(args.out, i), row_of(args.x, args.rows[i]), row_bytes(args.out));
  }
}

void Kernels::scatter_rows(const ScatterRowsArgs& args) {
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork)
  for (int64_t i = 0; i < args.x.rows; ++i) {
    memcpy(row_of(args.out, args.rows[i]), row_of(args.x, i), row_bytes(args.x));
  }
}

}  // namespace ATTUNE_ISA
}  // namespace attune
