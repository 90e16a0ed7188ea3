// add, cast and dropout: each reads and writes every element once.
#include "backend/cuda/each.h"
#include "backend/cuda/kernels.h"
#include "core/rng.h"

namespace attune::cuda {
namespace {

template <class T, int V>
struct AddBody {
  const T* a;
  const T* b;
  T* out;
  int64_t a_stride, b_stride, out_stride;
  __device__ void operator()(int64_t row, int64_t column) const {
    float x[V], y[V];
    load(x, a + row * a_stride + column);
    load(y, b + row * b_stride + column);
#pragma unroll
    for (int i = 0; i < V; ++i) x[i] += y[i];
    store(out + row * out_stride + column, x);
  }
};

template <class In, class Out, int V>
struct CastBody {
  const In* x;
  Out* out;
  int64_t x_stride, out_stride;
  float scale;
  __device__ void operator()(int64_t row, int64_t column) const {
    float value[V];
    load(value, x + row * x_stride + column);
#pragma unroll
    for (int i = 0; i < V; ++i) value[i] *= scale;
    store(out + row * out_stride + column, value);
  }
};

template <class T, int V>
struct DropoutBody {
  const T* x;
  T* y;
  int64_t x_stride, y_stride, cols;
  float rate, scale;
  uint64_t seed, stream;
  bool accumulate;
  __device__ void operator()(int64_t row, int64_t column) const {
    float value[V], result[V];
    load(value, x + row * x_stride + column);
    if (accumulate) load(result, y + row * y_stride + column);
    const int64_t first = row * cols + column;  // a multiple of 4 where V > 1
    Random4 words = {};
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const auto element = static_cast<uint64_t>(first + i);
      if (V == 1 || i % 4 == 0) words = philox(seed, stream, element / 4);
      const uint32_t word = words.word[V == 1 ? element % 4 : i % 4];
      // What is dropped is 0, were it infinite.
      const float kept = uniform(word) >= rate ? value[i] * scale : 0.0f;
      result[i] = accumulate ? result[i] + kept : kept;
    }
    store(y + row * y_stride + column, result);
  }
};

template <class T>
bool wide(const Tensor& x, int64_t vector) {
  return vectorizable<T>(x.data, x.stride) && x.cols % vector == 0;
}

template <class T, int V>
AddBody<T, V> add_body(const AddArgs& args) {
  return {static_cast<const T*>(args.a.data),
          static_cast<const T*>(args.b.data),
          static_cast<T*>(args.out.data),
          args.a.stride,
          args.b.stride,
          args.out.stride};
}

template <class T, int V>
DropoutBody<T, V> dropout_body(const DropoutArgs& args) {
  return {static_cast<const T*>(args.x.data),
          static_cast<T*>(args.y.data),
          args.x.stride,
          args.y.stride,
          args.x.cols,
          args.rate,
          1.0f / (1.0f - args.rate),
          args.seed,
          args.stream,
          args.accumulate};
}

template <class In, class Out>
void cast_between(Runtime& runtime, const CastArgs& args) {
  const auto* x = static_cast<const In*>(args.x.data);
  auto* out = static_cast<Out*>(args.out.data);
  constexpr int V = 8;
  if (wide<In>(args.x, V) && wide<Out>(args.out, V)) {
    launch_each<V>(runtime, "cast", args.x.rows, args.x.cols,
                   CastBody<In, Out, V>{x, out, args.x.stride, args.out.stride, args.scale});
  } else {
    launch_each<1>(runtime, "cast", args.x.rows, args.x.cols,
                   CastBody<In, Out, 1>{x, out, args.x.stride, args.out.stride, args.scale});
  }
}

}  // namespace

void add(Runtime& runtime, const AddArgs& args) {
  with_type(args.out.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    if (wide<T>(args.a, V) && wide<T>(args.b, V) && wide<T>(args.out, V)) {
      launch_each<V>(runtime, "add", args.out.rows, args.out.cols, add_body<T, V>(args));
    } else {
      launch_each<1>(runtime, "add", args.out.rows, args.out.cols, add_body<T, 1>(args));
    }
  });
}

void cast(Runtime& runtime, const CastArgs& args) {
  with_type(args.x.dtype, [&](auto in) {
    with_type(args.out.dtype,
              [&](auto out) { cast_between<decltype(in), decltype(out)>(runtime, args); });
  });
}

void dropout(Runtime& runtime, const DropoutArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    if (wide<T>(args.x, V) && wide<T>(args.y, V)) {
      launch_each<V>(runtime, "dropout", args.x.rows, args.x.cols, dropout_body<T, V>(args));
    } else {
      launch_each<1>(runtime, "dropout", args.x.rows, args.x.cols, dropout_body<T, 1>(args));
    }
  });
}

}  // namespace attune::cuda
