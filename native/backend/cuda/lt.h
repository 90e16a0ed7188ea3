// The functions of cuBLASLt, found in the library that is loaded at run time.
#pragma once
#include <cublasLt.h>

#include <string>

namespace attune::cuda {

struct Lt {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtGetStatusString) status_string;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulDescCreate) operation_create;
  decltype(&cublasLtMatmulDescDestroy) operation_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) operation_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
};

/**
 * Loaded at the first call, from ATTUNE_CUBLAS (a path) where that is set, else under its usual
 * names. Throws Code::device with what to install.
 */
const Lt& lt();

/** "cuBLASLt 13.1.1". Throws as `lt` does. */
std::string lt_version();

}  // namespace attune::cuda
