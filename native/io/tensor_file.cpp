#include "io/tensor_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace attune {

namespace {

std::string reason() {
  if (errno == ENOSPC || errno == EDQUOT)
    return "no space left on the disk; free some and run again";
  return std::strerror(errno);
}

// Element by element through memcpy: in a file with tensors of several types a float may lie at any
// even byte.
template <class T>
T element(const void* from, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t*>(from) + i * static_cast<int64_t>(sizeof value),
              sizeof value);
  return value;
}

template <class T>
void put(void* into, int64_t i, T value) {
  std::memcpy(static_cast<uint8_t*>(into) + i * static_cast<int64_t>(sizeof value), &value,
              sizeof value);
}

float load(const void* from, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::f32:
      return element<float>(from, i);
    case DType::bf16:
      return bf16_to_f32(element<uint16_t>(from, i));
    case DType::f16:
      return f16_to_f32(element<uint16_t>(from, i));
  }
  return 0;
}

void store(void* into, DType dtype, int64_t i, float value) {
  switch (dtype) {
    case DType::f32:
      return put(into, i, value);
    case DType::bf16:
      return put(into, i, f32_to_bf16(value));
    case DType::f16:
      return put(into, i, f32_to_f16(value));
  }
}

}  // namespace

void convert(const void* from, DType source, void* into, DType target, int64_t count) {
  if (count == 0) return;
  if (source == target) {
    std::memcpy(into, from, static_cast<size_t>(count) * size_of(source));
    return;
  }
  for (int64_t i = 0; i < count; ++i) store(into, target, i, load(from, source, i));
}

TensorReader::TensorReader(const std::string& path)
    : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  check(file_ >= 0, Code::checkpoint, "read", path + ": " + reason());
}

TensorReader::~TensorReader() { close(file_); }

void TensorReader::read(void* into, uint64_t offset, size_t bytes) const {
  auto* place = static_cast<uint8_t*>(into);
  while (bytes > 0) {
    const ssize_t got = pread(file_, place, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    check(got >= 0, Code::checkpoint, "read", path_ + ": " + reason());
    check(got > 0, Code::checkpoint, "read",
          path_ + ": the file ends " + std::to_string(bytes) + " bytes early; it is truncated");
    place += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

TensorWriter::TensorWriter(const std::string& path)
    : path_(path), file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (file_ < 0) fail("cannot be created");
}

TensorWriter::~TensorWriter() {
  if (file_ >= 0) close(file_);
}

void TensorWriter::fail(const char* what) const {
  throw Error(Code::checkpoint, "write", path_ + " " + what + ": " + reason());
}

void TensorWriter::write(const void* from, uint64_t offset, size_t bytes) {
  const auto* place = static_cast<const uint8_t*>(from);
  while (bytes > 0) {
    const ssize_t put = pwrite(file_, place, bytes, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("cannot be written");
    place += put;
    offset += static_cast<uint64_t>(put);
    bytes -= static_cast<size_t>(put);
  }
}

void TensorWriter::finish() {
  if (fsync(file_) != 0) fail("cannot be synced");
  const int file = file_;
  file_ = -1;
  if (close(file) != 0) fail("cannot be closed");
}

}  // namespace attune
