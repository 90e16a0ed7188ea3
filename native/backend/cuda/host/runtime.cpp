// Runtime over the memory and time of the processor.
#include "backend/cuda/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "backend/cuda/host/block.h"
#include "core/error.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace attune::cuda {
namespace {

constexpr size_t kGuard = 256;               // before and behind each allocation
constexpr size_t kClosed = size_t{1} << 16;  // behind what was asked for of the workspace
constexpr unsigned char kUntouched = 0xa5;

/** ATTUNE_HOST_SHARED: KiB of shared memory of a block, to stand for other devices. */
size_t shared_memory_of_environment() {
  const char* value = std::getenv("ATTUNE_HOST_SHARED");
  const size_t bytes = value ? std::strtoull(value, nullptr, 10) << 10 : host::kMostShared;
  return std::min(bytes, host::kMostShared);
}

size_t padded(size_t bytes) { return (bytes + kGuard - 1) / kGuard * kGuard; }

#ifdef __SANITIZE_ADDRESS__
void close(const unsigned char* from, size_t bytes) { ASAN_POISON_MEMORY_REGION(from, bytes); }
void open(const unsigned char* from, size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(from, bytes); }
#else
void close(const unsigned char*, size_t) {}
void open(const unsigned char*, size_t) {}
#endif

[[maybe_unused]] bool untouched(const unsigned char* from, const unsigned char* to) {
  return std::all_of(from, to, [](unsigned char byte) { return byte == kUntouched; });
}

}  // namespace

namespace host {

/** Memory with guards, and a queue that does its work at once, or records it. */
struct Device {
  struct Step {
    const char* name;
    std::function<void()> work;
  };

  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() {
    while (!sizes.empty()) release(sizes.begin()->first);
    open(workspace, workspace ? Runtime::kWorkspace + kClosed : 0);
    std::free(workspace);
  }

  /** Memory between two guards; the second begins where the bytes end. */
  unsigned char* allocate(size_t bytes) {
    const size_t whole = padded(bytes) + 2 * kGuard;
    auto* memory =
        whole < bytes ? nullptr : static_cast<unsigned char*>(std::aligned_alloc(kGuard, whole));
    check(memory != nullptr, Code::memory, "allocate",
          "no memory for " + std::to_string(bytes) + " bytes");
    unsigned char* data = memory + kGuard;
    std::memset(memory, kUntouched, kGuard);
    std::memset(data, 0, bytes);
    std::memset(data + bytes, kUntouched, whole - kGuard - bytes);
    close(memory, kGuard);
    close(data + bytes, whole - kGuard - bytes);
    sizes[data] = bytes;
    return data;
  }

  void release(unsigned char* data) {
    const size_t bytes = sizes.at(data);
    sizes.erase(data);
    open(data - kGuard, padded(bytes) + 2 * kGuard);
    std::free(data - kGuard);
  }

  /** Finds what a kernel wrote outside of its memory; the sanitizer finds it by itself. */
  void check_guards([[maybe_unused]] const char* name) const {
#ifndef __SANITIZE_ADDRESS__
    for (const auto& [data, bytes] : sizes) {
      check(
          untouched(data - kGuard, data) && untouched(data + bytes, data + padded(bytes) + kGuard),
          Code::internal, name,
          "writes outside of an allocation of " + std::to_string(bytes) + " bytes");
    }
    const unsigned char* behind = workspace + workspace_size;
    check(!workspace || untouched(behind, behind + kGuard), Code::internal, name,
          "writes beyond the " + std::to_string(workspace_size) + " bytes of its workspace");
#endif
  }

  /** All NaN, and guarded behind `bytes`. */
  void prepare_workspace(size_t bytes) {
    open(workspace + workspace_size, kClosed);
    workspace_size = bytes;
    std::memset(workspace, 0xff, bytes);
    std::memset(workspace + bytes, kUntouched, kGuard);
    close(workspace + bytes, kClosed);
  }

  void submit(const char* name, std::function<void()> work) {
    if (recording) return recording->push_back({name, std::move(work)});
    work();
    check_guards(name);
  }

  DeviceFacts facts;
  std::map<unsigned char*, size_t> sizes;
  unsigned char* workspace = nullptr;
  size_t workspace_size = 0;
  std::map<uint64_t, std::vector<Step>> recorded;  // empty at the first time
  std::vector<Step>* recording = nullptr;
  bool repeating = false;
  std::vector<double> marks;
};

void submit(Runtime& runtime, const char* name, std::function<void()> work) {
  static_cast<Device*>(runtime.stream())->submit(name, std::move(work));
}

}  // namespace host

struct Runtime::State : host::Device {};

Runtime::Runtime(int device) : state_(std::make_unique<State>()) {
  check(device == 0, Code::device, "cuda-host", "there is device 0 only");
  DeviceFacts& facts = state_->facts;
  facts.name = "kernels on the processor";
  facts.major = 9;
  const char* hopper = std::getenv("ATTUNE_HOPPER");
  facts.hopper = hopper && std::strcmp(hopper, "1") == 0;
  facts.multiprocessors = 3;
  facts.shared_memory = shared_memory_of_environment();
  facts.memory = facts.free = uint64_t{4} << 30;
}
Runtime::~Runtime() = default;

const DeviceFacts& Runtime::facts() const { return state_->facts; }
void* Runtime::stream() const { return static_cast<host::Device*>(state_.get()); }

void* Runtime::allocate(size_t bytes) { return state_->allocate(bytes); }
void Runtime::release(void* memory) {
  if (memory) state_->release(static_cast<unsigned char*>(memory));
}

void Runtime::upload(void* device, size_t to_stride, const void* host, size_t from_stride,
                     size_t width, size_t rows) {
  check(!state_->repeating, Code::internal, "upload", "work that repeats may not copy");
  for (size_t i = 0; width > 0 && i < rows; ++i)
    std::memcpy(static_cast<unsigned char*>(device) + i * to_stride,
                static_cast<const unsigned char*>(host) + i * from_stride, width);
}

void Runtime::download(void* host, size_t to_stride, const void* device, size_t from_stride,
                       size_t width, size_t rows) {
  check(!state_->repeating, Code::internal, "download", "work that repeats may not copy");
  for (size_t i = 0; width > 0 && i < rows; ++i)
    std::memcpy(static_cast<unsigned char*>(host) + i * to_stride,
                static_cast<const unsigned char*>(device) + i * from_stride, width);
}

void Runtime::zero(void* device, size_t bytes) {
  if (bytes == 0) return;
  state_->submit("zero", [=] { std::memset(device, 0, bytes); });
}

void Runtime::synchronize() {
  check(!state_->repeating, Code::internal, "synchronize", "work that repeats may not wait");
}

uint64_t Runtime::used() const {
  uint64_t bytes = kWorkspace;  // a device has it from the start
  for (const auto& [data, size] : state_->sizes) bytes += size;
  return bytes;
}

int64_t Runtime::mark() {
  using namespace std::chrono;
  state_->marks.push_back(duration<double>(steady_clock::now().time_since_epoch()).count());
  return static_cast<int64_t>(state_->marks.size()) - 1;
}

double Runtime::seconds(int64_t from, int64_t to) {
  return state_->marks.at(static_cast<size_t>(to)) - state_->marks.at(static_cast<size_t>(from));
}

void* Runtime::workspace(size_t bytes) {
  check(bytes <= kWorkspace, Code::internal, "workspace",
        std::to_string(bytes) + " bytes are more than there are");
  host::Device& device = *state_;
  if (!device.workspace) {
    // Pages that are never touched cost nothing.
    void* memory = std::aligned_alloc(kGuard, kWorkspace + kClosed);
    check(memory != nullptr, Code::memory, "workspace", "no memory for it");
    device.workspace = static_cast<unsigned char*>(memory);
  }
  device.submit("workspace", [&device, bytes] { device.prepare_workspace(bytes); });
  return device.workspace;
}

void Runtime::repeat(uint64_t key, const std::function<void()>& work) {
  check(!state_->repeating, Code::internal, "repeat", "work that repeats may not repeat others");
  const auto found = state_->recorded.find(key);
  const bool first = found == state_->recorded.end();
  std::vector<host::Device::Step>& steps = state_->recorded[key];
  struct Repeating {  // ends with the call, however that ends
    explicit Repeating(State& state) : state(state) { state.repeating = true; }
    ~Repeating() {
      state.repeating = false;
      state.recording = nullptr;
    }
    State& state;
  };
  if (first || steps.empty()) {
    const Repeating scope(*state_);
    std::vector<host::Device::Step> made;
    if (!first) state_->recording = &made;
    work();
    if (first) return;
    steps = std::move(made);
  }
  for (const host::Device::Step& step : steps) state_->submit(step.name, step.work);
}

}  // namespace attune::cuda
