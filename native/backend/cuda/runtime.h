// What the CUDA back end asks of a device: memory, copies, one stream, work that can be repeated.
//
// Implemented twice: runtime.cpp over the CUDA runtime, host/runtime.cpp on the processor, where a
// "device" pointer is a host pointer and every launch has ended when it returns.
// Every failure is attune::Error: Code::memory where memory is short, else Code::device with the
// name of the call and CUDA's own message.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace attune::cuda {

struct DeviceFacts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  bool hopper = false;       // kernels for compute capability 9 alone are used: ATTUNE_HOPPER=1
  int multiprocessors = 1;
  size_t shared_memory = 0;  // bytes a block may ask for
  uint64_t memory = 0, free = 0;
};

class Runtime {
 public:
  explicit Runtime(int device);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const DeviceFacts& facts() const;
  /** cudaStream_t, with its device made the calling thread's; the host layer's queue. */
  void* stream() const;

  void* allocate(size_t bytes);  // 256-byte aligned, zeroed
  void release(void* memory);
  // Copies of `rows` rows of `width` bytes, `to_stride` and `from_stride` bytes apart. From any
  // thread; `upload` may return before the copy has ended but not before `host` can be reused.
  void upload(void* device, size_t to_stride, const void* host, size_t from_stride, size_t width,
              size_t rows);
  void download(void* host, size_t to_stride, const void* device, size_t from_stride, size_t width,
                size_t rows);
  void zero(void* device, size_t bytes);
  void synchronize();
  uint64_t used() const;  // bytes of the device's memory that anyone has now
  // Backend::mark and Backend::seconds.
  int64_t mark();
  double seconds(int64_t from, int64_t to);

  /** Memory of one op, overwritten by the next: at most kWorkspace bytes, 256-byte aligned. */
  static constexpr size_t kWorkspace = size_t{64} << 20;
  void* workspace(size_t bytes);

  /**
   * Runs `work`, which launches the same kernels with the same arguments whenever `key` is the
   * same: from the second time on, as one recorded graph. `work` may not copy or synchronize.
   */
  void repeat(uint64_t key, const std::function<void()>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attune::cuda
