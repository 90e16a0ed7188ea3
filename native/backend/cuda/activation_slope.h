// The activations themselves.
#pragma once
#include <type_traits>

#include "backend/cuda/device.h"
#include "ops/activation.h"

namespace attune::cuda {

struct Slope {
  float value, slope;
};

/** f(x) and f'(x). */
template <Activation kind>
__device__ __forceinline__ Slope activate(float x) {
  if constexpr (kind == Activation::silu) {
    const float s = 1.0f / (1.0f + expf(-x));
    return {x * s, s * (1.0f + x * (1.0f - s))};
  } else if constexpr (kind == Activation::relu) {
    return {x > 0.0f ? x : 0.0f, x > 0.0f ? 1.0f : 0.0f};
  } else if constexpr (kind == Activation::gelu) {
    const float phi = 0.5f * erfcf(-0.70710678118654752f * x);
    return {x * phi, phi + x * 0.39894228040143268f * expf(-0.5f * x * x)};
  } else {
    const float c = 0.79788456080286536f, cube = 0.044715f * x * x;
    const float s = 1.0f / (1.0f + expf(-2.0f * c * x * (1.0f + cube)));  // (1 + tanh u) / 2
    return {x * s, s + 2.0f * x * s * (1.0f - s) * c * (1.0f + 3.0f * cube)};
  }
}

/** Calls f with the kind as a type, on the host or in a kernel. */
#ifdef __CUDACC__
#pragma nv_exec_check_disable
#endif
template <class F>
__host__ __device__ __forceinline__ void with_kind(Activation kind, const F& f) {
  switch (kind) {
    case Activation::silu:
      return f(std::integral_constant<Activation, Activation::silu>());
    case Activation::relu:
      return f(std::integral_constant<Activation, Activation::relu>());
    case Activation::gelu:
      return f(std::integral_constant<Activation, Activation::gelu>());
    case Activation::gelu_tanh:
      return f(std::integral_constant<Activation, Activation::gelu_tanh>());
  }
}

}  // namespace attune::cuda
