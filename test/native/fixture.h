// What the op tests share: matrices with guarded padding, the back ends, numeric gradients.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/host.h"
#include "core/tensor.h"
#include "harness.h"

namespace attune::test {

using Values = std::vector<double>;

/** Memory that every back end can use: CUDA's managed memory where there is a GPU. */
void* take_memory(size_t bytes);
void give_memory(void* memory);

template <class T>
struct Allocator {
  using value_type = T;
  Allocator() = default;
  template <class U>
  Allocator(const Allocator<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(take_memory(count * sizeof(T))); }
  void deallocate(T* memory, size_t) { give_memory(memory); }
  bool operator==(const Allocator&) const { return true; }
  bool operator!=(const Allocator&) const { return false; }
};

/** What an op reads or writes and is no matrix: indices, positions, starts. */
template <class T>
using Array = std::vector<T, Allocator<T>>;

/** A matrix of one type. It starts as NaN everywhere; `pad` columns follow each row and stay NaN.
 */
class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols, DType dtype, int64_t pad = 0);

  Matrix& random(uint32_t seed, double scale = 1, double shift = 0);
  Matrix& fill(double value);
  Matrix& assign(const Values& values);
  double at(int64_t i, int64_t j) const;
  void set(int64_t i, int64_t j, double value);  // rounded to the type
  Values values() const;
  bool operator==(const Matrix& other) const { return bytes_ == other.bytes_; }
  bool padding_untouched() const;
  Tensor view();
  float* f32() { return view().f32(); }

  int64_t rows, cols, pad;
  DType dtype;

 private:
  Array<uint8_t> bytes_;
};

struct NamedBackend {
  std::string isa;  // or "cuda-host", "cuda"
  std::unique_ptr<Backend> backend;
  HostBackend* processor = nullptr;  // the same where it is one of the processor's own
};

/**
 * One for each instruction set of this machine; the CUDA kernels on the processor, "cuda-host"; and
 * where there are a GPU and its library, "cuda".
 */
std::vector<NamedBackend>& backends();

/** "cpu", "cuda-host" and, where there is one, "cuda"; of these, what ATTUNE_DEVICES names. */
std::vector<std::string> device_names();
std::unique_ptr<Backend> backend_of(const std::string& device);
/** The same of CUDA with the kernels of Hopper alone, where the device is one. */
std::unique_ptr<Backend> hopper_of(const std::string& device);
void set_threads(int count);

/** `value` as it is when stored. */
double rounded(double value, DType dtype);

/** Half a unit in the last place of the type, times `k`: what `k` roundings may cost. */
double tolerance(DType dtype, double k);

/**
 * Runs `op` on `outputs` from their present state: twice, then with each of `threads`, in all at
 * least ATTUNE_REPEATS times (2). CUDA kernels on the processor run their threads in another order
 * each time, unless ATTUNE_HOST_ORDER names one. Every run must give the same bits and leave
 * paddings alone. The outputs keep the result.
 */
void run_stable(const std::vector<Matrix*>& outputs, const std::vector<int>& threads,
                const std::function<void()>& op);

/** d f / d x[i] by central differences at about `samples` elements, compared with `actual`. */
void expect_gradient(const std::string& what, const Values& actual, Values& x,
                     const std::function<double()>& f, double tolerance, size_t samples = 24,
                     double floor = 0);

double dot(const Values& a, const Values& b);
std::string name_of(DType dtype);

}  // namespace attune::test
