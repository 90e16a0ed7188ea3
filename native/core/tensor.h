// A non-owning view of a matrix. No arithmetic, no ownership.
//
// Shape letters, used in every header of native/:
//   T tokens of a batch   S documents of a batch   D hidden size     E size of one head
//   H query heads         K key/value heads        F feed-forward    V vocabulary
//   R adapter rank        L layers                 N supervised tokens
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace attune {

/** `rows` x `cols` elements; element (i, j) lies at data[i * stride + j]. */
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  Tensor() = default;
  Tensor(void* data, DType dtype, int64_t rows, int64_t cols)
      : Tensor(data, dtype, rows, cols, cols) {}
  Tensor(void* data, DType dtype, int64_t rows, int64_t cols, int64_t stride)
      : data(data), dtype(dtype), rows(rows), cols(cols), stride(stride) {}

  explicit operator bool() const { return data != nullptr; }
  int64_t size() const { return rows * cols; }
  bool contiguous() const { return stride == cols; }
  float* f32() const { return static_cast<float*>(data); }
  uint16_t* bf16() const { return static_cast<uint16_t*>(data); }

  Tensor block(int64_t row, int64_t row_count, int64_t col, int64_t col_count) const {
    auto* base = static_cast<uint8_t*>(data);
    if (base) base += (row * stride + col) * static_cast<int64_t>(size_of(dtype));
    return Tensor(base, dtype, row_count, col_count, stride);
  }
  Tensor row_range(int64_t first, int64_t count) const { return block(first, count, 0, cols); }
  Tensor columns(int64_t first, int64_t count) const { return block(0, rows, first, count); }
};

}  // namespace attune
