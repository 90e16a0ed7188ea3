// Runtime over the CUDA runtime API, which is linked statically: only the driver is needed.
#include "backend/cuda/runtime.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <vector>

#include "backend/backend.h"
#include "core/error.h"

namespace attune::cuda {

namespace {

constexpr size_t kSlot = size_t{4} << 20;  // bytes of pinned memory that one copy goes through
constexpr int kSlots = 8;
constexpr size_t kGraphs = 16;  // recorded pieces of work that are kept
constexpr size_t kAlignment = 256;

/** Throws what CUDA reports, and clears it, so that the next call does not report it again. */
void require(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  const Code code = status == cudaErrorMemoryAllocation ? Code::memory : Code::device;
  throw Error(code, call, cudaGetErrorString(status));
}

/** A piece of pinned memory, free again when `done` has passed. */
struct Slot {
  void* memory = nullptr;
  cudaEvent_t done = nullptr;
};

/** Pinned memory between the caller's and the device's, shared by the threads that upload. */
class Staging {
 public:
  Staging() {
    for (Slot& slot : slots_) free_.push_back(&slot);
  }
  ~Staging() {
    for (Slot& slot : slots_) {
      if (slot.done) cudaEventDestroy(slot.done);
      if (slot.memory) cudaFreeHost(slot.memory);
    }
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /** Calls `use` with the slot whose copy began first, once that copy has ended. */
  template <class Use>
  void with_slot(Use use) {
    Slot* slot = take();
    const cudaError_t status = [&] {
      cudaError_t made = cudaSuccess;
      if (!slot->memory) made = cudaMallocHost(&slot->memory, kSlot);
      if (made == cudaSuccess && !slot->done)
        made = cudaEventCreateWithFlags(&slot->done, cudaEventDisableTiming);
      if (made == cudaSuccess) made = cudaEventSynchronize(slot->done);
      return made == cudaSuccess ? use(*slot) : made;
    }();
    give(slot);
    require(status, "upload");
  }

 private:
  Slot* take() {
    std::unique_lock<std::mutex> lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    Slot* slot = free_.front();
    free_.pop_front();
    return slot;
  }
  void give(Slot* slot) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      free_.push_back(slot);
    }
    returned_.notify_one();
  }

  Slot slots_[kSlots];
  std::mutex mutex_;
  std::condition_variable returned_;
  std::list<Slot*> free_;
};

/** Work that was seen before: run once, recorded at the second time, or found unfit for that. */
struct Recorded {
  uint64_t key = 0;
  cudaGraphExec_t graph = nullptr;
  bool unfit = false;
};

bool is_set(const char* variable, const char* to) {
  const char* value = std::getenv(variable);
  return value && std::strcmp(value, to) == 0;
}

DeviceFacts facts_of(int device) {
  cudaDeviceProp properties;
  require(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  DeviceFacts facts;
  facts.name = properties.name;
  facts.major = properties.major;
  facts.minor = properties.minor;
  facts.hopper = facts.major == 9 && is_set("ATTUNE_HOPPER", "1");
  facts.multiprocessors = properties.multiProcessorCount;
  facts.shared_memory = properties.sharedMemPerBlockOptin;
  facts.memory = properties.totalGlobalMem;
  return facts;
}

// ATTUNE_CUDA_GRAPHS=0: nothing is recorded; =1: what cannot be recorded is an error.
bool graphs_off() { return is_set("ATTUNE_CUDA_GRAPHS", "0"); }
bool graphs_required() { return is_set("ATTUNE_CUDA_GRAPHS", "1"); }

}  // namespace

struct Runtime::State {
  explicit State(int ordinal) : device(ordinal) {}
  void start() {
    enter();
    facts = facts_of(device);
    require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    require(cudaMalloc(&workspace, kWorkspace), "cudaMalloc");
    size_t free = 0, total = 0;
    require(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    facts.free = free;
  }
  ~State() {
    cudaSetDevice(device);
    if (stream) cudaStreamSynchronize(stream);
    for (const Recorded& work : recorded) forget(work);
    for (const cudaEvent_t event : marks) cudaEventDestroy(event);
    if (workspace) cudaFree(workspace);
    if (stream) cudaStreamDestroy(stream);
  }

  /** The current device belongs to the calling thread, and engines may be on several. */
  void enter() const { require(cudaSetDevice(device), "cudaSetDevice"); }

  static void forget(const Recorded& work) {
    if (work.graph) cudaGraphExecDestroy(work.graph);
  }

  void record(Recorded& entry, const std::function<void()>& work);

  int device;
  // Memory that the processor reads as well, as soon as a call returns: for the tests of the ops.
  const bool managed = is_set("ATTUNE_CUDA_MANAGED", "1");
  DeviceFacts facts;
  cudaStream_t stream = nullptr;
  Staging staging;
  void* workspace = nullptr;
  std::list<Recorded> recorded;    // the one used last comes first
  std::vector<cudaEvent_t> marks;  // a ring once there are kMarks
  int64_t marked = 0;
};

Runtime::Runtime(int device) : state_(std::make_unique<State>(device)) { state_->start(); }
Runtime::~Runtime() = default;

const DeviceFacts& Runtime::facts() const { return state_->facts; }

void* Runtime::stream() const {
  state_->enter();
  return state_->stream;
}

void* Runtime::allocate(size_t bytes) {
  state_->enter();
  const size_t size = std::max(bytes, kAlignment);
  void* memory = nullptr;
  const cudaError_t status =
      state_->managed ? cudaMallocManaged(&memory, size) : cudaMalloc(&memory, size);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Error(Code::memory, "allocate",
                state_->facts.name + " has no " + std::to_string(size >> 20) + " MiB; " +
                    std::to_string(free >> 20) + " of " + std::to_string(total >> 20) +
                    " MiB are free");
  }
  require(status, "cudaMalloc");
  zero(memory, size);
  return memory;
}

void Runtime::release(void* memory) {
  if (!memory) return;
  cudaSetDevice(state_->device);
  cudaFree(memory);  // an error here is an earlier one, which has been or will be reported
  cudaGetLastError();
}

void Runtime::upload(void* device, size_t to_stride, const void* host, size_t from_stride,
                     size_t width, size_t rows) {
  if (width == 0 || rows == 0) return;
  state_->enter();
  if (to_stride == width && from_stride == width) {
    width *= rows;
    to_stride = from_stride = width;
    rows = 1;
  }
  const size_t piece = std::min(width, kSlot), height = std::min(rows, kSlot / piece);
  for (size_t row = 0; row < rows; row += height) {
    const size_t here = std::min(height, rows - row);
    for (size_t column = 0; column < width; column += piece) {
      const size_t wide = std::min(piece, width - column);
      const auto* from = static_cast<const uint8_t*>(host) + row * from_stride + column;
      auto* to = static_cast<uint8_t*>(device) + row * to_stride + column;
      state_->staging.with_slot([&](const Slot& slot) {
        auto* memory = static_cast<uint8_t*>(slot.memory);
        for (size_t i = 0; i < here; ++i)
          std::memcpy(memory + i * wide, from + i * from_stride, wide);
        const cudaError_t status =
            here == 1 ? cudaMemcpyAsync(to, memory, wide, cudaMemcpyHostToDevice, state_->stream)
                      : cudaMemcpy2DAsync(to, to_stride, memory, wide, wide, here,
                                          cudaMemcpyHostToDevice, state_->stream);
        return status == cudaSuccess ? cudaEventRecord(slot.done, state_->stream) : status;
      });
    }
  }
  if (state_->managed) synchronize();
}

void Runtime::download(void* host, size_t to_stride, const void* device, size_t from_stride,
                       size_t width, size_t rows) {
  if (width == 0 || rows == 0) return;
  state_->enter();
  if (rows == 1) to_stride = from_stride = width;
  // A strided copy has a limit on the stride, a plain one on nothing.
  const bool plain = to_stride == width && from_stride == width;
  require(plain
              ? cudaMemcpyAsync(host, device, width * rows, cudaMemcpyDeviceToHost, state_->stream)
              : cudaMemcpy2DAsync(host, to_stride, device, from_stride, width, rows,
                                  cudaMemcpyDeviceToHost, state_->stream),
          "cudaMemcpyAsync");
  synchronize();
}

void Runtime::zero(void* device, size_t bytes) {
  if (bytes == 0) return;
  state_->enter();
  require(cudaMemsetAsync(device, 0, bytes, state_->stream), "cudaMemsetAsync");
  if (state_->managed) synchronize();
}

void Runtime::synchronize() {
  state_->enter();
  const cudaError_t status = cudaStreamSynchronize(state_->stream);
  if (status == cudaSuccess) return;
  cudaGetLastError();
  const Code code = status == cudaErrorMemoryAllocation ? Code::memory : Code::device;
  throw Error(code, "synchronize",
              std::string("a kernel that was started earlier failed: ") +
                  cudaGetErrorString(status) + "; with CUDA_LAUNCH_BLOCKING=1 it is named");
}

uint64_t Runtime::used() const {
  state_->enter();
  size_t free = 0, total = 0;
  require(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return total - free;
}

int64_t Runtime::mark() {
  state_->enter();
  std::vector<cudaEvent_t>& marks = state_->marks;
  const auto at = static_cast<size_t>(state_->marked % Backend::kMarks);
  if (at == marks.size()) {
    cudaEvent_t event = nullptr;
    require(cudaEventCreate(&event), "cudaEventCreate");
    marks.push_back(event);
  }
  require(cudaEventRecord(marks[at], state_->stream), "cudaEventRecord");
  return state_->marked++;
}

double Runtime::seconds(int64_t from, int64_t to) {
  state_->enter();
  const auto event = [&](int64_t mark) {
    return state_->marks[static_cast<size_t>(mark % Backend::kMarks)];
  };
  require(cudaEventSynchronize(event(to)), "cudaEventSynchronize");
  float milliseconds = 0;
  require(cudaEventElapsedTime(&milliseconds, event(from), event(to)), "cudaEventElapsedTime");
  return 1e-3 * static_cast<double>(milliseconds);
}

void* Runtime::workspace(size_t bytes) {
  check(bytes <= kWorkspace, Code::internal, "workspace",
        std::to_string(bytes) + " bytes are more than there are");
  return state_->workspace;
}

void Runtime::repeat(uint64_t key, const std::function<void()>& work) {
  if (graphs_off()) return work();
  state_->enter();
  std::list<Recorded>& recorded = state_->recorded;
  const auto found = std::find_if(recorded.begin(), recorded.end(),
                                  [key](const Recorded& entry) { return entry.key == key; });
  if (found == recorded.end()) {
    work();  // loads its kernels and chooses its products, which is better not recorded
    recorded.push_front({key});
    if (recorded.size() <= kGraphs) return;
    State::forget(recorded.back());
    recorded.pop_back();
    return;
  }
  recorded.splice(recorded.begin(), recorded, found);
  Recorded& entry = recorded.front();
  if (!entry.graph && !entry.unfit) state_->record(entry, work);
  if (entry.unfit) return work();
  require(cudaGraphLaunch(entry.graph, state_->stream), "cudaGraphLaunch");
}

/** Records `work` without running it. Where that fails, `work` is run as it comes from then on. */
void Runtime::State::record(Recorded& entry, const std::function<void()>& work) {
  // Relaxed: other threads, and libraries below, may do what they like meanwhile.
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  std::string reason;
  try {
    work();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  cudaGraph_t graph = nullptr;
  cudaError_t status = cudaStreamEndCapture(stream, &graph);
  if (status == cudaSuccess && reason.empty())
    status = cudaGraphInstantiate(&entry.graph, graph, 0);
  if (graph) cudaGraphDestroy(graph);
  if (status == cudaSuccess && reason.empty()) return;
  cudaGetLastError();
  entry.graph = nullptr;
  entry.unfit = true;
  if (reason.empty()) reason = cudaGetErrorString(status);
  check(!graphs_required(), Code::device, "repeat", "not recorded: " + reason);
}

}  // namespace attune::cuda
