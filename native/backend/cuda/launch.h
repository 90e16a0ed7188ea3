// The one way to start a kernel.
#pragma once
#include <utility>

#include "backend/cuda/device.h"
#include "backend/cuda/runtime.h"
#ifdef __CUDACC__
#include "core/error.h"
#else
#include "backend/cuda/host/launch.h"
#endif

namespace attune::cuda {

struct Shape {
  dim3 grid, block;
  size_t shared = 0;  // bytes of dynamic shared memory
};

/**
 * Starts `kernel` on the runtime's stream. `name` is how errors and the list of
 * `npm run test:kernels` call it; every kernel has one, given as a literal. A grid of 0 blocks is
 * no work. Throws Code::device where the launch is refused.
 */
template <class... Parameters, class... Arguments>
void launch(Runtime& runtime, const char* name, void (*kernel)(Parameters...), const Shape& shape,
            const Arguments&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
#ifdef __CUDACC__
  const auto stream = static_cast<cudaStream_t>(runtime.stream());  // makes its device current
  if (shape.shared > 48 * 1024) {
    cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                         cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shape.shared));
  }
  kernel<<<shape.grid, shape.block, shape.shared, stream>>>(static_cast<Parameters>(arguments)...);
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) throw Error(Code::device, name, cudaGetErrorString(status));
#else
  host::run(runtime, name, shape.grid, shape.block, shape.shared,
            [=] { kernel(static_cast<Parameters>(arguments)...); });
#endif
}

}  // namespace attune::cuda
