#include "backend/cuda/tensor_map.h"

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstring>
#include <string>

#include "core/error.h"

namespace attune::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/** Of the driver, which is not linked: the library loads where there is none. */
Encode encode_of_driver() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
#if CUDART_VERSION >= 12050
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found,
                                                              12000, cudaEnableDefault, &result);
#else
  const cudaError_t status =
      cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &found, cudaEnableDefault, &result);
#endif
  check(status == cudaSuccess && result == cudaDriverEntryPointSuccess && found, Code::device,
        "cuTensorMapEncodeTiled",
        "the driver does not have it; CUDA 12's has, or leave ATTUNE_HOPPER unset");
  return reinterpret_cast<Encode>(found);
}

}  // namespace

TensorMap tensor_map(const void* data, int64_t columns, int64_t rows, int64_t stride,
                     int tile_rows) {
  static_assert(
      sizeof(CUtensorMap) == sizeof(TensorMap) && alignof(CUtensorMap) <= alignof(TensorMap),
      "the driver's descriptor");
  static const Encode encode = encode_of_driver();
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(stride) * 2};  // bytes
  const cuuint32_t box[] = {64, static_cast<cuuint32_t>(tile_rows)}, steps[] = {1, 1};
  CUtensorMap made;
  const CUresult status =
      encode(&made, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(data), sizes, strides,
             box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  check(status == CUDA_SUCCESS, Code::device, "cuTensorMapEncodeTiled",
        "refuses a matrix of " + std::to_string(rows) + " x " + std::to_string(columns) +
            ", stride " + std::to_string(stride) + ": code " + std::to_string(status));
  TensorMap map;
  std::memcpy(&map, &made, sizeof map);
  return map;
}

}  // namespace attune::cuda
