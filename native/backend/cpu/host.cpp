#include "backend/cpu/host.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "backend/parts.h"
#include "backend/shapes.h"
#include "core/error.h"

namespace attune {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kPage = 4096;  // of mincore

/** Made where it is thrown: a message takes memory too, and would leak what was just had. */
Error no_memory(const char* op, size_t bytes) {
  return Error(Code::memory, op, "no memory for " + std::to_string(bytes) + " bytes");
}

void* take(size_t bytes, const char* op) {
  const size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory =
      whole < bytes ? nullptr : std::aligned_alloc(kAlignment, whole ? whole : kAlignment);
  if (!memory) throw no_memory(op, bytes);
  return memory;
}

/**
 * Whether it pays to make oneDNN's primitive for a shape; small products are quicker without. In
 * bfloat16 the work decides. In float32, where the built-in product is nearly as fast, the size of
 * the weights does, not the number of tokens: packed or alone, a row is rounded the same way.
 */
bool worth_a_primitive(const MatmulArgs& args) {
  const int64_t rows = args.c.rows, cols = args.c.cols;
  const int64_t depth = args.trans_a ? args.a.rows : args.a.cols;
  if (args.a.dtype == DType::bf16) return rows * cols * depth >= int64_t{1} << 23;
  return cols * (args.trans_a ? rows : depth) >= int64_t{1} << 17;
}

/** K = 0: the product is a matrix of zeros. */
void empty_product(const MatmulArgs& args) {
  if (args.accumulate && !args.bias) return;
  for (int64_t i = 0; i < args.c.rows; ++i) {
    for (int64_t j = 0; j < args.c.cols; ++j) {
      const int64_t at = i * args.c.stride + j;
      const bool half = args.c.dtype == DType::bf16;
      float value = args.bias ? args.bias[j] : 0;
      if (args.accumulate) value += half ? bf16_to_f32(args.c.bf16()[at]) : args.c.f32()[at];
      if (half) {
        args.c.bf16()[at] = f32_to_bf16(value);
      } else {
        args.c.f32()[at] = value;
      }
    }
  }
}

}  // namespace

void* take_scratch(size_t bytes) { return take(bytes, "scratch"); }
void release_scratch(void* memory) { std::free(memory); }

namespace {

/**
 * Memory of a few MiB, which products take for one call, goes back to the system with the call:
 * glibc learns to keep it, and loses it to small pieces in between, 80 MB of a 135M model. What
 * the environment says holds.
 */
void keep_little() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") || std::getenv("GLIBC_TUNABLES")) return;
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}

}  // namespace

HostBackend::HostBackend() {
  static const bool once = (keep_little(), true);
  static_cast<void>(once);
}

HostBackend::~HostBackend() = default;

namespace {

/** The number that a file begins with; `none` where it holds another word, or is not there. */
uint64_t number_in(const std::string& path, uint64_t none) {
  std::ifstream file(path);
  uint64_t number = 0;
  return file >> number ? number : none;
}

/** The least that the control groups of this process allow (containers, batch systems). */
uint64_t group_limit() {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string kinds = line.substr(first + 1, second - first - 1);
    const bool unified = kinds.empty();
    if (!unified && kinds != "memory") continue;
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* const name = unified ? "/memory.max" : "/memory.limit_in_bytes";
    // Groups above limit those below; inside a container the path may be that of the host.
    for (std::string path = line.substr(second + 1);; path = path.substr(0, path.rfind('/'))) {
      while (!path.empty() && path.back() == '/') path.pop_back();
      least = std::min(least, number_in(root + path + name, least));
      if (path.empty()) break;
    }
  }
  return least;
}

}  // namespace

// ATTUNE_MEMORY: MiB to get along with.
uint64_t host_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || size <= 0) return 0;
  const char* const asked = std::getenv("ATTUNE_MEMORY");
  const uint64_t most = asked ? std::strtoull(asked, nullptr, 10) << 20 : 0;
  const uint64_t all = static_cast<uint64_t>(pages) * static_cast<uint64_t>(size);
  const uint64_t least = std::min(all, group_limit());
  return most > 0 ? std::min(least, most) : least;
}

uint64_t HostBackend::memory() { return host_memory(); }

/** What of a block has been touched. */
uint64_t resident(const Pages& block) {
  std::vector<unsigned char> pages((block.size() + kPage - 1) / kPage);
  if (mincore(block.data(), block.size(), pages.data()) != 0) return 0;
  const auto touched = [](unsigned char page) { return (page & 1) != 0; };
  return kPage * static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(), touched));
}

uint64_t HostBackend::taken() {
  std::ifstream counts("/proc/self/statm");  // pages in all, resident
  uint64_t all = 0, pages = 0;
  if (!(counts >> all >> pages)) return 0;
  uint64_t own = 0;
  for (const Pages& block : blocks_) own += resident(block);
  const uint64_t bytes = pages * static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
  return bytes - std::min(bytes, own);
}

void* HostBackend::allocate(size_t bytes) {
  return blocks_.emplace_back(std::max<size_t>(bytes, 1), "allocate", true).data();
}

void HostBackend::release(void* memory) {
  const auto is_this = [memory](const Pages& block) { return block.data() == memory; };
  if (memory) blocks_.erase(std::find_if(blocks_.begin(), blocks_.end(), is_this));
}

void HostBackend::upload(void* device, const void* host, size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void HostBackend::download(void* host, const void* device, size_t bytes) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void HostBackend::zero(void* device, size_t bytes) {
  if (bytes > 0) std::memset(device, 0, bytes);
}

void HostBackend::synchronize() {}

int64_t HostBackend::mark() {
  using namespace std::chrono;
  marks_.resize(kMarks);
  marks_[static_cast<size_t>(marked_ % kMarks)] =
      duration<double>(steady_clock::now().time_since_epoch()).count();
  return marked_++;
}

double HostBackend::seconds(int64_t from, int64_t to) {
  return marks_[static_cast<size_t>(to % kMarks)] - marks_[static_cast<size_t>(from % kMarks)];
}

void HostBackend::upload(Tensor device, const void* host) {
  const size_t width = static_cast<size_t>(device.cols) * size_of(device.dtype);
  for (int64_t i = 0; i < device.rows; ++i)
    upload(device.row_range(i, 1).data,
           static_cast<const uint8_t*>(host) + static_cast<size_t>(i) * width, width);
}

void HostBackend::download(void* host, Tensor device) {
  if (device.contiguous()) device.cols *= std::exchange(device.rows, 1);
  const size_t width = static_cast<size_t>(device.cols) * size_of(device.dtype);
  for (int64_t i = 0; i < device.rows; ++i)
    download(static_cast<uint8_t*>(host) + static_cast<size_t>(i) * width,
             device.row_range(i, 1).data, width);
}

void HostBackend::repeat(uint64_t, const std::function<void()>& work) { work(); }

int64_t HostBackend::token_multiple() { return 1; }

size_t HostBackend::logits_bytes() { return size_t{64} << 20; }

size_t HostBackend::attention_backward_scratch(int64_t, int64_t, int64_t) { return 0; }

size_t HostBackend::matmul_scratch(const MatmulArgs& args) {
  return worth_a_primitive(args) ? onednn_scratch(args) : 0;
}

void HostBackend::matmul(const MatmulArgs& args) {
  check_shapes(args);
  if (args.c.rows == 0 || args.c.cols == 0) return;
  if ((args.trans_a ? args.a.rows : args.a.cols) == 0) {
    empty_product(args);
  } else if (thin_matmul(args)) {
    return;
  } else if (!worth_a_primitive(args) || !onednn_matmul(args)) {
    builtin_matmul(args);
  }
}

void HostBackend::adapter_backward(const AdapterBackwardArgs& args) {
  parts::adapter_backward(*this, args);
}

void HostBackend::activation(const ActivationArgs& args) {
  args.adapter ? parts::activation(*this, args) : plain_activation(args);
}

void HostBackend::activation_backward(const ActivationBackwardArgs& args) {
  const bool adapters = args.x_adapter || args.up_adapter || args.out_adapter;
  adapters ? parts::activation_backward(*this, args) : plain_activation_backward(args);
}

}  // namespace attune
