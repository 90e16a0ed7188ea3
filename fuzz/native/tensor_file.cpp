// Places in a file that are read as tensors: inside of it, over its end, beyond what there can be;
// and bytes of every type turned into every other.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "fuzz.h"
#include "io/tensor_file.h"

using namespace attune;

namespace {

DType type(Bytes& from) {
  return from.below(3) == 0 ? DType::f32 : from.flag() ? DType::bf16 : DType::f16;
}

void read(Bytes& from, const uint8_t* data, size_t size) {
  static const int file = memfd_create("tensors", 0);
  require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const TensorReader reader("/proc/self/fd/" + std::to_string(file));
  const bool far = from.below(8) == 7;
  const uint64_t offset = far ? uint64_t{from.word()} << from.below(33) : from.below(size + 4);
  const size_t bytes = from.below(300);
  std::vector<uint8_t> into(bytes);
  try {
    reader.read(into.data(), offset, bytes);
    require(bytes == 0 || (offset <= size && bytes <= size - offset));
    require(bytes == 0 || std::memcmp(into.data(), data + offset, bytes) == 0);
  } catch (const Error& error) {
    require(error.code() == Code::checkpoint);
    require(offset > size || bytes > size - offset);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes from(data, size);
  if (from.below(8) == 0) read(from, data, size);
  const DType source = type(from), target = type(from);
  const size_t count = from.left() / size_of(source);
  std::vector<float> place(count), made(count), back(count);  // aligned for every type
  for (size_t i = 0; i < count * size_of(source); ++i)
    reinterpret_cast<uint8_t*>(place.data())[i] = from.byte();
  convert(place.data(), source, made.data(), target, static_cast<int64_t>(count));
  // A wider type holds every value of a narrower one.
  if (source == DType::f32 || target != DType::f32) return 0;
  convert(made.data(), target, back.data(), source, static_cast<int64_t>(count));
  for (size_t i = 0; i < count; ++i) {
    if (std::isnan(made[i])) continue;
    const auto bits = [i](const std::vector<float>& values) {
      return reinterpret_cast<const uint16_t*>(values.data())[i];
    };
    require(bits(place) == bits(back));
  }
  return 0;
}
