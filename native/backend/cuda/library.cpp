#include "backend/cuda/library.h"

#include <cuda_runtime.h>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/lt.h"
#include "core/error.h"

namespace attune {

Backend::~Backend() = default;  // the addon has its own

namespace cuda {
namespace {

constexpr int kLeast = 8;  // compute capability: bfloat16 on tensor cores, asynchronous copies

std::string release(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/** Why there is no device to count. */
std::string refusal(cudaError_t status) {
  int driver = 0;
  if (status == cudaErrorInsufficientDriver) {
    cudaDriverGetVersion(&driver);
    return "the NVIDIA driver is too old: it supports CUDA " + release(driver) +
           ", the GPU library needs " + release(CUDART_VERSION / 1000 * 1000) + " or later";
  }
  if (status == cudaErrorNoDevice || status == cudaSuccess) return "the NVIDIA driver finds no GPU";
  return std::string("the NVIDIA driver says: ") + cudaGetErrorString(status);
}

/** Appends the GPUs that are new enough; returns what the others lack. */
std::string list(int count, const std::string& product, std::vector<DeviceInfo>& devices) {
  std::string refused;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) {
      refused += "; cuda:" + std::to_string(i) + ": " + cudaGetErrorString(cudaGetLastError());
      continue;
    }
    const int major = properties.major, minor = properties.minor;
    if (major < kLeast) {
      refused += std::string("; ") + properties.name + " has compute capability " +
                 std::to_string(major) + "." + std::to_string(minor) + ", 8.0 or later is needed";
      continue;
    }
    DeviceInfo gpu;
    gpu.id = "cuda:" + std::to_string(i);
    gpu.kind = "cuda";
    gpu.name = properties.name;
    gpu.isa = "sm_" + std::to_string(major) + std::to_string(minor);
    gpu.isas = {gpu.isa};
    gpu.product = product;
    gpu.bfloat16 = true;
    gpu.threads = properties.multiProcessorCount;
    gpu.memory = properties.totalGlobalMem;
    devices.push_back(gpu);
  }
  return refused.empty() ? "" : refused.substr(2);
}

}  // namespace
}  // namespace cuda
}  // namespace attune

#define ATTUNE_EXPORT extern "C" __attribute__((visibility("default")))

ATTUNE_EXPORT const char* attune_cuda_version() { return attune::cuda::kInterface; }

ATTUNE_EXPORT void attune_cuda_devices(std::vector<attune::DeviceInfo>* devices,
                                       std::string* reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    *reason = attune::cuda::refusal(status);
    return;
  }
  try {
    *reason = attune::cuda::list(count, attune::cuda::lt_version(), *devices);
  } catch (const attune::Error& error) {
    *reason = error.what();
  }
}

ATTUNE_EXPORT attune::Backend* attune_cuda_make_backend(int device, bool tf32) {
  return attune::cuda::make_backend(device, tf32).release();
}
