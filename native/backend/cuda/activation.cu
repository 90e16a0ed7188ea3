// Feed-forward activation, plain or gated, forward and backward.
#include "backend/cuda/activation_slope.h"
#include "backend/cuda/each.h"
#include "backend/cuda/kernels.h"

namespace attune::cuda {
namespace {

template <class T, Activation kind, int V>
struct ForwardBody {
  const T* x;
  const T* up;
  T* out;
  int64_t x_stride, up_stride, out_stride;
  __device__ void operator()(int64_t row, int64_t column) const {
    float value[V];
    load(value, x + row * x_stride + column);
#pragma unroll
    for (int i = 0; i < V; ++i) value[i] = activate<kind>(value[i]).value;
    if (up) {
      float factor[V];
      load(factor, up + row * up_stride + column);
#pragma unroll
      for (int i = 0; i < V; ++i) value[i] *= factor[i];
    }
    store(out + row * out_stride + column, value);
  }
};

template <class T, Activation kind, int V>
struct BackwardBody {
  const T* x;
  const T* up;
  const T* d_out;
  T* d_x;
  T* d_up;
  int64_t x_stride, up_stride, d_out_stride, d_x_stride, d_up_stride;
  __device__ void operator()(int64_t row, int64_t column) const {
    float value[V], gradient[V];
    load(value, x + row * x_stride + column);
    load(gradient, d_out + row * d_out_stride + column);
    if (up) {
      float factor[V], d_factor[V];
      load(factor, up + row * up_stride + column);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const Slope at = activate<kind>(value[i]);
        d_factor[i] = gradient[i] * at.value;
        value[i] = gradient[i] * factor[i] * at.slope;
      }
      store(d_up + row * d_up_stride + column, d_factor);
    } else {
#pragma unroll
      for (int i = 0; i < V; ++i) value[i] = gradient[i] * activate<kind>(value[i]).slope;
    }
    store(d_x + row * d_x_stride + column, value);
  }
};

/** Absent tensors are no hindrance. */
template <class T>
bool wide(const Tensor& x) {
  return !x || (vectorizable<T>(x.data, x.stride) && x.cols % kVector<T> == 0);
}

template <class T, Activation kind, int V>
void forward(Runtime& runtime, const ActivationArgs& args) {
  launch_each<V>(
      runtime, "activation", args.x.rows, args.x.cols,
      ForwardBody<T, kind, V>{static_cast<const T*>(args.x.data),
                              static_cast<const T*>(args.up.data), static_cast<T*>(args.out.data),
                              args.x.stride, args.up.stride, args.out.stride});
}

template <class T, Activation kind, int V>
void backward(Runtime& runtime, const ActivationBackwardArgs& args) {
  launch_each<V>(runtime, "activation_backward", args.x.rows, args.x.cols,
                 BackwardBody<T, kind, V>{
                     static_cast<const T*>(args.x.data), static_cast<const T*>(args.up.data),
                     static_cast<const T*>(args.d_out.data), static_cast<T*>(args.d_x.data),
                     static_cast<T*>(args.d_up.data), args.x.stride, args.up.stride,
                     args.d_out.stride, args.d_x.stride, args.d_up.stride});
}

}  // namespace

void activation(Runtime& runtime, const ActivationArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_kind(args.kind, [&](auto kind) {
      wide<T>(args.x) && wide<T>(args.up) && wide<T>(args.out)
          ? forward<T, decltype(kind)::value, kVector<T>>(runtime, args)
          : forward<T, decltype(kind)::value, 1>(runtime, args);
    });
  });
}

void activation_backward(Runtime& runtime, const ActivationBackwardArgs& args) {
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_kind(args.kind, [&](auto kind) {
      wide<T>(args.x) && wide<T>(args.up) && wide<T>(args.d_out) && wide<T>(args.d_x) &&
              wide<T>(args.d_up)
          ? backward<T, decltype(kind)::value, kVector<T>>(runtime, args)
          : backward<T, decltype(kind)::value, 1>(runtime, args);
    });
  });
}

}  // namespace attune::cuda
