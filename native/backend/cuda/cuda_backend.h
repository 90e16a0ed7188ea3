// Backend over the CUDA kernels; the same class on a device and on the host layer.
#pragma once
#include <memory>

#include "backend/backend.h"

namespace attune::cuda {

/** `device`: its ordinal. Throws Code::device or Code::memory. */
std::unique_ptr<Backend> make_backend(int device, bool tf32);

}  // namespace attune::cuda
