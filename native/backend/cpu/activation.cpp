// Activations, plain or gated. Bound by memory: one pass, the exponential hides behind it.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

/** f(x) and f'(x) of each kind. */
struct Silu {
  static inline Vec value(Vec x) { return x * sigmoid(x); }
  static inline Vec slope(Vec x) {
    const Vec s = sigmoid(x);
    return s + x * s * (1.0f - s);
  }
};

struct Relu {
  static inline Vec value(Vec x) { return x < 0.0f ? Vec{} : x; }
  static inline Vec slope(Vec x) { return x > 0.0f ? broadcast(1.0f) : Vec{}; }
};

struct Gelu {
  static inline Vec value(Vec x) { return x * normal_cdf(x); }
  static inline Vec slope(Vec x) {
    const Vec density = 0.398942280f * exp(-0.5f * x * x);
    return normal_cdf(x) + x * density;
  }
};

struct GeluTanh {  // (1 + tanh(u)) / 2 = sigmoid(2 u)
  static inline Vec twice_u(Vec x) { return x * (1.59576912f + 0.0713548128f * x * x); }
  static inline Vec value(Vec x) { return x * sigmoid(twice_u(x)); }
  static inline Vec slope(Vec x) {
    const Vec s = sigmoid(twice_u(x));
    return s + x * s * (1.0f - s) * (1.59576912f + 3.0f * 0.0713548128f * x * x);
  }
};

template <typename T>
T* row_of(const Tensor& x, int64_t row) {
  return x ? static_cast<T*>(x.data) + row * x.stride : nullptr;
}

template <typename Kind, typename T>
void forward(const ActivationArgs& args) {
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork)
  for (int64_t t = 0; t < args.x.rows; ++t) {
    const T* x = row_of<T>(args.x, t);
    const T* up = row_of<T>(args.up, t);
    T* out = row_of<T>(args.out, t);
    for_lanes(args.x.cols, [&](int64_t j, auto lanes) {
      Vec value = Kind::value(load(x + j, lanes));
      if (up) value *= load(up + j, lanes);
      store(out + j, value, lanes);
    });
  }
}

template <typename Kind, typename T>
void backward(const ActivationBackwardArgs& args) {
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork)
  for (int64_t t = 0; t < args.x.rows; ++t) {
    const T* x = row_of<T>(args.x, t);
    const T* up = row_of<T>(args.up, t);
    const T* d_out = row_of<T>(args.d_out, t);
    T* d_x = row_of<T>(args.d_x, t);
    T* d_up = row_of<T>(args.d_up, t);
    for_lanes(args.x.cols, [&](int64_t j, auto lanes) {
      const Vec at = load(x + j, lanes), d = load(d_out + j, lanes);
      Vec d_value = d * Kind::slope(at);
      if (up) {
        d_value *= load(up + j, lanes);
        if (d_up) store(d_up + j, d * Kind::value(at), lanes);
      }
      store(d_x + j, d_value, lanes);
    });
  }
}

template <typename T>
void forward_kind(const ActivationArgs& args) {
  switch (args.kind) {
    case Activation::silu:
      return forward<Silu, T>(args);
    case Activation::relu:
      return forward<Relu, T>(args);
    case Activation::gelu:
      return forward<Gelu, T>(args);
    case Activation::gelu_tanh:
      return forward<GeluTanh, T>(args);
  }
}

template <typename T>
void backward_kind(const ActivationBackwardArgs& args) {
  switch (args.kind) {
    case Activation::silu:
      return backward<Silu, T>(args);
    case Activation::relu:
      return backward<Relu, T>(args);
    case Activation::gelu:
      return backward<Gelu, T>(args);
    case Activation::gelu_tanh:
      return backward<GeluTanh, T>(args);
  }
}

}  // namespace

void Kernels::plain_activation(const ActivationArgs& args) {
  args.x.dtype == DType::bf16 ? forward_kind<uint16_t>(args) : forward_kind<float>(args);
}

void Kernels::plain_activation_backward(const ActivationBackwardArgs& args) {
  args.x.dtype == DType::bf16 ? backward_kind<uint16_t>(args) : backward_kind<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
