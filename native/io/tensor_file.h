// Moves tensors between files and host memory. What the bytes mean (the safetensors header) is
// known to src/checkpoint; here a tensor is a type and a place in a file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace attune {

/** An open file of tensors. */
class TensorReader {
 public:
  /** Throws Code::checkpoint where the file cannot be opened. */
  explicit TensorReader(const std::string& path);
  ~TensorReader();
  TensorReader(const TensorReader&) = delete;
  TensorReader& operator=(const TensorReader&) = delete;

  /** Raw bytes; throws Code::checkpoint where the file ends early. */
  void read(void* into, uint64_t offset, size_t bytes) const;

 private:
  std::string path_;
  int file_;
};

/** Writes a new file; `finish` syncs it to the disk. Unfinished files are left for the caller to
 * remove. */
class TensorWriter {
 public:
  explicit TensorWriter(const std::string& path);
  ~TensorWriter();
  TensorWriter(const TensorWriter&) = delete;
  TensorWriter& operator=(const TensorWriter&) = delete;

  void write(const void* from, uint64_t offset, size_t bytes);
  void finish();

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string path_;
  int file_;
};

/** `count` elements at `from` of type `source` into `into` of type `target`. */
void convert(const void* from, DType source, void* into, DType target, int64_t count);

}  // namespace attune
