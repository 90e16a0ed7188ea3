// Grids on the processor: blocks in turn, the threads of a block as fibres of the calling thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "backend/cuda/device.h"
#include "backend/cuda/runtime.h"

namespace attune::cuda::host {

/**
 * Calls `thread` for every thread of the grid, now or when the runtime replays it. Throws
 * Code::device where a device would refuse the launch. While it runs, Code::internal where threads
 * wait for others that never come, naming what each waits for; where an access is not aligned, or
 * one beyond shared memory is found; and where a thread ends without having waited for its copies.
 */
void run(Runtime&, const char* name, const dim3& grid, const dim3& block, size_t shared,
         std::function<void()> thread);

/** Work that is no kernel, in order with the kernels. */
void submit(Runtime&, const char* name, std::function<void()> work);

/** How often each kernel was started by this process. */
std::map<std::string, int64_t> launches();

/**
 * In which order the blocks, and between two barriers the threads, have their turn. Results may not
 * depend on it. ATTUNE_HOST_ORDER gives that of a new thread: forward, reverse or shuffle:SEED.
 */
struct Order {
  enum Kind { forward, reverse, shuffle } kind = forward;
  uint64_t seed = 0;
};
void set_order(const Order&);

}  // namespace attune::cuda::host
