// Rows of a table by index, and back. The gradient of a row that several tokens share is added in
// the tokens' order by one block: tokens of one index form a chain, and a block follows each chain.
#include "backend/cuda/each.h"
#include "backend/cuda/kernels.h"

namespace attune::cuda {
namespace {

template <class In, class Out, int V>
struct EmbeddingBody {
  const int32_t* indices;
  const In* table;
  Out* out;
  int64_t table_stride, out_stride, offset;
  bool accumulate;
  __device__ void operator()(int64_t row, int64_t column) const {
    float value[V];
    load(value, table + (indices[row] + offset) * table_stride + column);
    Out* to = out + row * out_stride + column;
    if (accumulate) {
      float before[V];
      load(before, to);
#pragma unroll
      for (int i = 0; i < V; ++i) value[i] += before[i];
    }
    store(to, value);
  }
};

/** Gather: out[i] = x[rows[i]]. Scatter: out[rows[i]] = x[i]. */
template <class T, int V, bool Scatter>
struct MoveBody {
  const int32_t* rows;
  const T* x;
  T* out;
  int64_t x_stride, out_stride;
  __device__ void operator()(int64_t row, int64_t column) const {
    const int64_t from = Scatter ? row : rows[row], to = Scatter ? rows[row] : row;
    float value[V];
    load(value, x + from * x_stride + column);
    store(out + to * out_stride + column, value);
  }
};

constexpr int kThreads = 256;

/** next[t]: the next token with the index of token t, or `count`. Clears `follows`. */
__global__ void __launch_bounds__(kThreads)
    chain_kernel(const int32_t* indices, int count, int32_t* next, int32_t* follows) {
  auto* tile = reinterpret_cast<int32_t*>(shared_memory());
  int32_t* searching = tile + kThreads;
  const int t = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  const int32_t own = t < count ? indices[t] : -1;
  int found = t < count ? count : -1;
  for (int first = static_cast<int>(blockIdx.x) * kThreads; first < count; first += kThreads) {
    __syncthreads();
    if (threadIdx.x == 0) *searching = 0;
    __syncthreads();
    if (found == count) *searching = 1;
    const int mine = first + static_cast<int>(threadIdx.x);
    tile[threadIdx.x] = mine < count ? indices[mine] : -1;
    __syncthreads();
    if (!*searching) break;
    for (int i = 0; i < kThreads && found == count; ++i)
      if (first + i > t && first + i < count && tile[i] == own) found = first + i;
  }
  if (t >= count) return;
  next[t] = found;
  follows[t] = 0;
}

/** follows[t] = 1 where another token with the same index comes before t. */
__global__ void mark_followers(const int32_t* next, int count, int32_t* follows) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (t < count && next[t] < count) follows[next[t]] = 1;
}

/** Block (t, strip of columns): nothing to do unless t begins a chain. */
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    add_chains(const int32_t* indices, const int32_t* next, const int32_t* follows, int count,
               int64_t offset, const T* d_out, int64_t d_out_stride, float* d_table,
               int64_t d_table_stride, int64_t cols) {
  const int begin = static_cast<int>(blockIdx.x);
  const int64_t column = (static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x) * V;
  if (follows[begin] || column >= cols) return;
  float* to = d_table + (indices[begin] + offset) * d_table_stride + column;
  float total[V];
  load(total, to);
  for (int t = begin; t < count; t = next[t]) {
    float value[V];
    load(value, d_out + t * d_out_stride + column);
#pragma unroll
    for (int i = 0; i < V; ++i) total[i] += value[i];
  }
  store(to, total);
}

template <class T>
bool wide(const Tensor& x, int64_t vector) {
  return vectorizable<T>(x.data, x.stride) && x.cols % vector == 0;
}

template <class In, class Out, int V>
void embed(Runtime& runtime, const EmbeddingArgs& args) {
  launch_each<V>(runtime, "embedding", args.out.rows, args.out.cols,
                 EmbeddingBody<In, Out, V>{args.indices, static_cast<const In*>(args.table.data),
                                           static_cast<Out*>(args.out.data), args.table.stride,
                                           args.out.stride, args.offset, args.accumulate});
}

template <class T, int V, bool Scatter>
MoveBody<T, V, Scatter> move_body(const int32_t* rows, const Tensor& x, const Tensor& out) {
  return {rows, static_cast<const T*>(x.data), static_cast<T*>(out.data), x.stride, out.stride};
}

template <class T, int V>
void add_all_chains(Runtime& runtime, const EmbeddingBackwardArgs& args, const int32_t* next,
                    const int32_t* follows) {
  const int64_t count = args.d_out.rows, cols = args.d_out.cols;
  launch(runtime, "add_chains", add_chains<T, V>,
         Shape{dim3(static_cast<unsigned>(count),
                    static_cast<unsigned>((cols + kThreads * V - 1) / (kThreads * V))),
               dim3(kThreads)},
         args.indices, next, follows, static_cast<int>(count), static_cast<int64_t>(args.offset),
         static_cast<const T*>(args.d_out.data), args.d_out.stride, args.d_table.f32(),
         args.d_table.stride, cols);
}

}  // namespace

void embedding(Runtime& runtime, const EmbeddingArgs& args) {
  with_type(args.table.dtype, [&](auto in) {
    with_type(args.out.dtype, [&](auto out) {
      using In = decltype(in);
      using Out = decltype(out);
      wide<In>(args.table, 8) && wide<Out>(args.out, 8) ? embed<In, Out, 8>(runtime, args)
                                                        : embed<In, Out, 1>(runtime, args);
    });
  });
}

void gather_rows(Runtime& runtime, const GatherRowsArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    const int64_t rows = args.out.rows, cols = args.out.cols;
    if (wide<T>(args.x, V) && wide<T>(args.out, V)) {
      launch_each<V>(runtime, "gather_rows", rows, cols,
                     move_body<T, V, false>(args.rows, args.x, args.out));
    } else {
      launch_each<1>(runtime, "gather_rows", rows, cols,
                     move_body<T, 1, false>(args.rows, args.x, args.out));
    }
  });
}

void scatter_rows(Runtime& runtime, const ScatterRowsArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    const int64_t rows = args.x.rows, cols = args.x.cols;
    if (wide<T>(args.x, V) && wide<T>(args.out, V)) {
      launch_each<V>(runtime, "scatter_rows", rows, cols,
                     move_body<T, V, true>(args.rows, args.x, args.out));
    } else {
      launch_each<1>(runtime, "scatter_rows", rows, cols,
                     move_body<T, 1, true>(args.rows, args.x, args.out));
    }
  });
}

void embedding_backward(Runtime& runtime, const EmbeddingBackwardArgs& args) {
  const int64_t count = args.d_out.rows;
  if (count == 0 || args.d_out.cols == 0) return;
  const auto ints = static_cast<size_t>(count);
  auto* next = static_cast<int32_t*>(runtime.workspace(2 * ints * sizeof(int32_t)));
  int32_t* follows = next + count;
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  launch(runtime, "chain_tokens", chain_kernel,
         Shape{dim3(blocks), dim3(kThreads), (kThreads + 1) * sizeof(int32_t)}, args.indices,
         static_cast<int>(count), next, follows);
  launch(runtime, "mark_followers", mark_followers, Shape{dim3(blocks), dim3(kThreads)}, next,
         static_cast<int>(count), follows);
  with_type(args.d_out.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    wide<T>(args.d_out, V) && wide<float>(args.d_table, V)
        ? add_all_chains<T, V>(runtime, args, next, follows)
        : add_all_chains<T, 1>(runtime, args, next, follows);
  });
}

}  // namespace attune::cuda
