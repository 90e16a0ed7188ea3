// Places buffers one after another in a single block. The same layout function runs twice: with
// no memory it measures, with memory it places, so a plan and its allocation cannot differ.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/tensor.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace attune {

class Arena {
 public:
  explicit Arena(void* memory = nullptr) : memory_(static_cast<uint8_t*>(memory)) {}

  float* floats(int64_t count) { return static_cast<float*>(take(count, 1, 4)); }
  int32_t* ints(int64_t count) { return static_cast<int32_t*>(take(count, 1, 4)); }
  Tensor tensor(DType dtype, int64_t rows, int64_t cols) {
    return Tensor(take(rows, cols, static_cast<int64_t>(size_of(dtype))), dtype, rows, cols);
  }
  /** Rows begin on 128-byte boundaries, with `room` more columns behind each row's `cols`. */
  Tensor roomy(DType dtype, int64_t rows, int64_t cols, int64_t room) {
    if (room == 0) return tensor(dtype, rows, cols);
    const int64_t unit = 128 / static_cast<int64_t>(size_of(dtype));
    const int64_t stride = (cols + room + unit - 1) / unit * unit;
    return Tensor(tensor(dtype, rows, stride).data, dtype, rows, cols, stride);
  }
  size_t used() const { return static_cast<size_t>(used_); }

 private:
  /** Throws Code::memory where the sizes multiply to more than any machine has. */
  void* take(int64_t rows, int64_t cols, int64_t width) {
    int64_t bytes = 0;
    const bool fits = !__builtin_mul_overflow(rows, cols, &bytes) &&
                      !__builtin_mul_overflow(bytes, width, &bytes) && bytes >= 0 &&
                      bytes < kMost - used_;
    check(fits, Code::memory, "plan", "this run needs more memory than any machine has");
    uint8_t* place = memory_ ? memory_ + used_ : nullptr;
    const int64_t room = (bytes + 63) / 64 * 64 + kGap;
    used_ += room;
#ifdef __SANITIZE_ADDRESS__
    if (place) ASAN_POISON_MEMORY_REGION(place + bytes, static_cast<size_t>(room - bytes));
#endif
    return place;
  }

  static constexpr int64_t kMost = int64_t{1} << 56;
  // Under the address sanitizer every buffer ends in a gap that may not be touched.
#ifdef __SANITIZE_ADDRESS__
  static constexpr int64_t kGap = 64;
#else
  static constexpr int64_t kGap = 0;
#endif
  uint8_t* memory_;
  int64_t used_ = 0;
};

}  // namespace attune
