// The language of the kernels. nvcc compiles them for the device; any C++ compiler compiles the
// same sources for the host layer (host/device.h), which runs them without a GPU. Kernels use
// CUDA's own names, and of the warp-level instructions only those that mma.h and hopper.h
// wrap.
#pragma once
#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "backend/cuda/host/device.h"
#endif

namespace attune::cuda {

constexpr int kWarp = 32;

#ifdef __CUDACC__
/** The block's dynamic shared memory, 1024-byte aligned. */
__device__ inline unsigned char* shared_memory() {
  extern __shared__ __align__(1024) unsigned char memory[];
  return memory;
}
#endif

}  // namespace attune::cuda
