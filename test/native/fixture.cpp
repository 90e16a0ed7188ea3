#include "fixture.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "core/rng.h"
#ifdef _OPENMP
#include <omp.h>
#endif

namespace attune {

namespace portable {
HostBackend* make_kernels();
}
#ifdef ATTUNE_X86
namespace avx2 {
HostBackend* make_kernels();
}
namespace avx512 {
HostBackend* make_kernels();
}
#endif

namespace test {

Matrix::Matrix(int64_t rows, int64_t cols, DType dtype, int64_t pad)
    : rows(rows), cols(cols), pad(pad), dtype(dtype) {
  bytes_.assign(static_cast<size_t>(rows * (cols + pad)) * size_of(dtype), 0xff);  // NaN
}

Tensor Matrix::view() { return Tensor(bytes_.data(), dtype, rows, cols, cols + pad); }

double Matrix::at(int64_t i, int64_t j) const {
  const uint8_t* from = bytes_.data() + static_cast<size_t>(i * (cols + pad) + j) * size_of(dtype);
  if (dtype == DType::bf16) {
    uint16_t half;
    std::memcpy(&half, from, 2);
    return bf16_to_f32(half);
  }
  float value;
  std::memcpy(&value, from, 4);
  return value;
}

void Matrix::set(int64_t i, int64_t j, double value) {
  uint8_t* to = bytes_.data() + static_cast<size_t>(i * (cols + pad) + j) * size_of(dtype);
  const float single = static_cast<float>(value);
  const uint16_t half = f32_to_bf16(single);
  if (dtype == DType::bf16) {
    std::memcpy(to, &half, 2);
  } else {
    std::memcpy(to, &single, 4);
  }
}

Matrix& Matrix::random(uint32_t seed, double scale, double shift) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      const Random4 random = philox(seed, 7, static_cast<uint64_t>(i * cols + j));
      const double sum = uniform(random.word[0]) + uniform(random.word[1]) - 1.0;  // a triangle
      set(i, j, 2 * scale * sum + shift);
    }
  }
  return *this;
}

Matrix& Matrix::fill(double value) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) set(i, j, value);
  }
  return *this;
}

Matrix& Matrix::assign(const Values& values) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) set(i, j, values[static_cast<size_t>(i * cols + j)]);
  }
  return *this;
}

Values Matrix::values() const {
  Values values;
  values.reserve(static_cast<size_t>(rows * cols));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) values.push_back(at(i, j));
  }
  return values;
}

bool Matrix::padding_untouched() const {
  const size_t row = static_cast<size_t>(cols + pad) * size_of(dtype);
  for (int64_t i = 0; i < rows; ++i) {
    for (size_t b = static_cast<size_t>(cols) * size_of(dtype); b < row; ++b) {
      if (bytes_[static_cast<size_t>(i) * row + b] != 0xff) return false;
    }
  }
  return true;
}

std::vector<NamedBackend>& backends() {
  static std::vector<NamedBackend> all = [] {
    std::vector<NamedBackend> made;
    made.push_back({"portable", std::unique_ptr<HostBackend>(portable::make_kernels())});
#ifdef ATTUNE_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      made.push_back({"avx2", std::unique_ptr<HostBackend>(avx2::make_kernels())});
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      made.push_back({"avx512", std::unique_ptr<HostBackend>(avx512::make_kernels())});
    }
#endif
    return made;
  }();
  return all;
}

void set_threads(int count) {
#ifdef _OPENMP
  omp_set_num_threads(count);
#else
  static_cast<void>(count);
#endif
}

double rounded(double value, DType dtype) {
  const float single = static_cast<float>(value);
  return dtype == DType::bf16 ? bf16_to_f32(f32_to_bf16(single)) : single;
}

double tolerance(DType dtype, double k) {
  return k * (dtype == DType::bf16 ? 1.0 / 256 : 1.0 / (1 << 24));
}

void run_stable(const std::vector<Matrix*>& outputs, const std::vector<int>& threads,
                const std::function<void()>& op) {
  std::vector<Matrix> before, first;
  for (const Matrix* x : outputs) before.push_back(*x);
  const auto restore = [&] {
    for (size_t i = 0; i < outputs.size(); ++i) {
      *outputs[i] = before[i];  // keeps its memory: views stay valid
    }
  };
  set_threads(2);
  op();
  for (const Matrix* x : outputs) first.push_back(*x);
  std::vector<int> repeats = {2};
  repeats.insert(repeats.end(), threads.begin(), threads.end());
  for (int count : repeats) {
    restore();
    set_threads(count);
    op();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string which = "output " + std::to_string(i) + " with " + std::to_string(count);
      expect(*outputs[i] == first[i], which + " threads differs in bits");
      expect(outputs[i]->padding_untouched(), which + " threads wrote beyond its rows");
    }
  }
  set_threads(2);
}

void expect_gradient(const std::string& what, const Values& actual, Values& x,
                     const std::function<double()>& f, double tolerance, size_t samples,
                     double floor) {
  const size_t stride = x.size() <= samples ? 1 : x.size() / samples;
  Values measured, expected;
  for (size_t i = 0; i < x.size(); i += stride) {
    const double kept = x[i], h = 1e-4;
    x[i] = kept + h;
    const double above = f();
    x[i] = kept - h;
    const double below = f();
    x[i] = kept;
    expected.push_back((above - below) / (2 * h));
    measured.push_back(actual[i]);
  }
  expect_close(what, measured, expected, tolerance, floor);
}

double dot(const Values& a, const Values& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

std::string name_of(DType dtype) { return dtype == DType::bf16 ? "bf16" : "f32"; }

}  // namespace test
}  // namespace attune
