#include "fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/host/launch.h"
#include "backend/registry.h"
#include "core/error.h"
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

namespace {

/** The GPU whose memory the tests use; null where there is none. Lives as long as the process. */
Backend* gpu() {
  static Backend* const backend = []() -> Backend* {
    setenv("ATTUNE_CUDA_MANAGED", "1", 1);
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);  // the tests read results as soon as an op returns
    if (devices().size() == 1) return nullptr;
    return make_backend("cuda", false).release();
  }();
  return backend;
}

constexpr size_t kOrders = 3;  // at least, of the threads of a kernel on the processor

/** The order of the turn-th run. */
cuda::host::Order order_of(size_t turn) {
  using cuda::host::Order;
  if (turn == 0) return {Order::forward, 0};
  if (turn == 1) return {Order::reverse, 0};
  return {Order::shuffle, turn};
}

/** Whether ATTUNE_DEVICES, a list such as "cuda,cpu", names the device, or is not there. */
bool is_chosen(const std::string& device) {
  const char* value = std::getenv("ATTUNE_DEVICES");
  if (!value) return true;
  return ("," + std::string(value) + ",").find("," + device + ",") != std::string::npos;
}

size_t repeats() {
  const char* value = std::getenv("ATTUNE_REPEATS");
  return value ? std::strtoull(value, nullptr, 10) : 2;
}

}  // namespace

void* take_memory(size_t bytes) {
  void* memory = gpu() ? gpu()->allocate(bytes) : std::malloc(bytes ? bytes : 1);
  check(memory != nullptr, Code::memory, "test", "no memory");
  return memory;
}

void give_memory(void* memory) { gpu() ? gpu()->release(memory) : std::free(memory); }

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
    const auto add = [&](const char* isa, HostBackend* processor) {
      made.push_back({isa, std::unique_ptr<Backend>(processor), processor});
    };
    if (is_chosen("cpu")) add("portable", portable::make_kernels());
#ifdef ATTUNE_X86
    if (is_chosen("cpu") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      add("avx2", avx2::make_kernels());
    }
    if (is_chosen("cpu") && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      add("avx512", avx512::make_kernels());
    }
#endif
    for (const std::string& device : device_names())
      if (device != "cpu") made.push_back({device, backend_of(device)});
    return made;
  }();
  return all;
}

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  for (const char* name : {"cpu", "cuda-host"})
    if (is_chosen(name)) names.push_back(name);
  if (gpu() && is_chosen("cuda")) names.push_back("cuda");
  check(!names.empty(), Code::device, "ATTUNE_DEVICES", "none is here; " + cuda_absence());
  return names;
}

std::unique_ptr<Backend> backend_of(const std::string& device) {
  return device == "cuda-host" ? cuda::make_backend(0, false) : make_backend(device, false);
}

std::unique_ptr<Backend> hopper_of(const std::string& device) {
  const char* before = std::getenv("ATTUNE_HOPPER");
  const std::string kept = before ? before : "0";
  setenv("ATTUNE_HOPPER", "1", 1);
  std::unique_ptr<Backend> backend = backend_of(device);
  setenv("ATTUNE_HOPPER", kept.c_str(), 1);
  return backend;
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
  std::vector<int> counts = {2, 2};
  counts.insert(counts.end(), threads.begin(), threads.end());
  counts.resize(std::max(counts.size(), repeats()), 2);
  const auto launches = cuda::host::launches();
  for (size_t turn = 0; turn < counts.size(); ++turn) {
    if (turn > 0) restore();
    // A kernel on the processor takes one thread of it: orders count, not numbers of threads.
    if (turn == 1 && cuda::host::launches() != launches)
      counts.assign(std::max(kOrders, repeats()), 2);
    if (!std::getenv("ATTUNE_HOST_ORDER")) cuda::host::set_order(order_of(turn));
    set_threads(counts[turn]);
    op();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string which = "output " + std::to_string(i) + " of run " + std::to_string(turn) +
                                " with " + std::to_string(counts[turn]) + " threads ";
      if (turn == 0) first.push_back(*outputs[i]);
      expect(*outputs[i] == first[i], which + "differs in bits");
      expect(outputs[i]->padding_untouched(), which + "was written beyond its rows");
    }
  }
  set_threads(2);
  cuda::host::set_order(order_of(0));
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
