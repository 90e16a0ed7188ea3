// Tensors of a file: places inside of it are read, others are refused by name.
#include "io/tensor_file.h"

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "harness.h"

namespace attune::test {
namespace {

TEST(tensor_file) {
  run("tensor_file/read", [] {
    char path[] = "/tmp/attune-tensors-XXXXXX";
    const int file = mkstemp(path);
    expect(write(file, "abcdefgh", 8) == 8, "written");
    close(file);
    const TensorReader reader(path);
    char into[4] = {};
    reader.read(into, 2, 4);
    expect(std::string(into, 4) == "cdef", "four bytes");
    reader.read(into, 100, 0);
    for (const uint64_t offset : {uint64_t{5}, uint64_t{8}, uint64_t{1} << 40, ~uint64_t{0}}) {
      try {
        reader.read(into, offset, 4);
        fail("read at " + std::to_string(offset));
      } catch (const Error& error) {
        expect(error.code() == Code::checkpoint, "a checkpoint's error");
        expect(std::string(error.what()).find(path) != std::string::npos, "it names the file");
      }
    }
    unlink(path);
  });
  run("tensor_file/convert", [] {
    for (const DType source : {DType::f32, DType::bf16, DType::f16})
      for (const DType target : {DType::f32, DType::bf16, DType::f16})
        convert(nullptr, source, nullptr, target, 0);  // of no elements nothing is touched
    const uint16_t half = 0x3c00;
    float one = 0;
    convert(&half, DType::f16, &one, DType::f32, 1);
    expect(one == 1, "1 in half precision");
    // To and from any byte, as tensors lie in a file: the sanitizers of npm test see it.
    uint8_t bytes[9] = {};
    convert(&half, DType::f16, bytes + 1, DType::bf16, 1);
    convert(bytes + 1, DType::bf16, bytes + 5, DType::f32, 1);
    convert(bytes + 5, DType::f32, &one, DType::f16, 1);
    expect(std::memcmp(&one, &half, sizeof half) == 0, "the same through odd bytes");
  });
}

}  // namespace
}  // namespace attune::test
