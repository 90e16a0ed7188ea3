// Places buffers one after another in a single block. The same layout function runs twice: with
// no memory it measures, with memory it places, so a plan and its allocation cannot differ.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/tensor.h"

namespace attune {

class Arena {
 public:
  explicit Arena(void* memory = nullptr) : memory_(static_cast<uint8_t*>(memory)) {}

  void* bytes(size_t count) {
    void* place = memory_ ? memory_ + used_ : nullptr;
    used_ += (count + 63) / 64 * 64;
    return place;
  }
  float* floats(int64_t count) {
    return static_cast<float*>(bytes(static_cast<size_t>(count) * 4));
  }
  int32_t* ints(int64_t count) {
    return static_cast<int32_t*>(bytes(static_cast<size_t>(count) * 4));
  }
  Tensor tensor(DType dtype, int64_t rows, int64_t cols) {
    return Tensor(bytes(static_cast<size_t>(rows * cols) * size_of(dtype)), dtype, rows, cols);
  }
  size_t used() const { return used_; }

 private:
  uint8_t* memory_;
  size_t used_ = 0;
};

}  // namespace attune
