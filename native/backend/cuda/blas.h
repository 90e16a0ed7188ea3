// Dense products of the CUDA back end: cuBLASLt on the device (blas.cpp), a loop on the host layer.
#pragma once
#include <memory>

#include "backend/cuda/runtime.h"
#include "ops/matmul.h"

namespace attune::cuda {

class Blas {
 public:
  /** `tf32`: float32 products may round their inputs to TF32. Throws Code::device. */
  Blas(Runtime& runtime, bool tf32);
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  /** The contract of ops/matmul.h. Throws Code::shape as the CPU does. */
  void matmul(const MatmulArgs&);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attune::cuda
