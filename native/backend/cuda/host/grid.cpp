// The launch of a grid: what a device would refuse is refused, and each is counted.
#include <mutex>

#include "backend/cuda/host/block.h"
#include "core/error.h"

namespace attune::cuda::host {
namespace {

std::mutex launches_mutex;

std::map<std::string, int64_t>& all_launches() {
  static std::map<std::string, int64_t> counts;
  return counts;
}

std::string text(const dim3& size) {
  return std::to_string(size.x) + " x " + std::to_string(size.y) + " x " + std::to_string(size.z);
}

}  // namespace

void run(Runtime& runtime, const char* name, const dim3& grid, const dim3& block, size_t shared,
         std::function<void()> thread) {
  check(grid.x <= 0x7fffffff && grid.y <= 65535 && grid.z <= 65535, Code::device, name,
        "a grid of " + text(grid) + " blocks; at most 2147483647 x 65535 x 65535");
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  check(threads > 0 && threads <= kMostThreads && block.z <= 64, Code::device, name,
        "a block of " + text(block) + " threads; at most 1024, and 64 along z");
  check(shared <= runtime.facts().shared_memory, Code::device, name,
        std::to_string(shared) + " bytes of shared memory; the device has " +
            std::to_string(runtime.facts().shared_memory));
  submit(runtime, name, [=] {
    {
      const std::lock_guard<std::mutex> lock(launches_mutex);
      ++all_launches()[name];
    }
    Block::of_this_thread().run(name, grid, block, shared, thread);
  });
}

std::map<std::string, int64_t> launches() {
  const std::lock_guard<std::mutex> lock(launches_mutex);
  return all_launches();
}

void set_order(const Order& order) { Block::of_this_thread().set_order(order); }

}  // namespace attune::cuda::host
