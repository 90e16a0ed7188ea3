// What a running kernel thread asks of the host layer. On the host alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace attune::cuda::host {

/** Linear index within the block, and within the warp. */
int thread();
int lane();

/** Waits for every thread of the block; one that has ended will never come, which is an error. */
void barrier();

/**
 * Waits for every lane of `mask`, each with the same `what`; the last to come calls
 * `combine(mask, operands)`, operands[i] being what lane i gave, for all of them.
 */
using Combine = void (*)(uint32_t mask, void* const* operands);
void collective(const char* what, uint32_t mask, void* operand, Combine combine);

void sync_warp(uint32_t mask);
uint32_t ballot(uint32_t mask, bool predicate);
uint64_t shuffle_bits(uint32_t mask, uint64_t bits, int source);

// The instructions of mma.h.
void ldmatrix(uint32_t* to, const void* row, int matrices, bool transpose);
void mma(float* d, const uint32_t* a, const uint32_t* b);
/** The destination is all NaN until a `copy_wait` of this thread that covers the copy. */
void copy_async(void* shared, const void* global, int bytes);
void copy_commit();
void copy_wait(int groups);

// The instructions of hopper.h. A tile is all NaN from copy_tile on, and lands when no thread can
// go on without; sums are NaN until the wait, which fails where an operand has changed meanwhile.
uint32_t shared_address(const void* memory);
void barrier_init(uint64_t* barrier, int arrivals);
void barrier_init_fence();
void barrier_arrive(uint64_t* barrier, int bytes);
void barrier_wait(uint64_t* barrier, int parity);
void copy_tile(void* panel, const void* map, int row, int column, uint64_t* barrier);
void named_barrier(int id, int threads, bool wait);
void wgmma(float* d, int columns, const uint32_t* a, uint64_t a_tile, uint64_t b_tile, bool more);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int groups);

/** Ends the kernel: Code::internal, naming kernel, block and thread. */
[[noreturn]] void fail(const char* what);

/** An access of `bytes` at once must be aligned to them. */
inline void require_aligned(const void* address, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) fail("an access that is not aligned");
}

}  // namespace attune::cuda::host
