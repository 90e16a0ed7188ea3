// Finds libattune_cuda.so beside this code and makes sure that it fits.
#pragma once
#include <string>

#include "backend/cuda/library.h"

namespace attune {

struct CudaLibrary {
  cuda::Devices devices = nullptr;
  cuda::MakeBackend make_backend = nullptr;
  std::string absence;  // why there is none; then the functions are null
};

/**
 * Loads it where there is a driver; it stays loaded. ATTUNE_CUDA=0 switches it off,
 * ATTUNE_CUDA_LIBRARY names another file. Never throws.
 */
CudaLibrary load_cuda_library();

}  // namespace attune
