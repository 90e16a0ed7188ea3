// What Hopper has beyond the warp, for the target sm_90a alone: products of a warpgroup (four
// warps, 64 rows) with operands in shared memory, copies of whole tiles, barriers in shared memory
// that wait for copies and threads, and registers that pass between warpgroups. (PTX ISA, "wgmma",
// "cp.async.bulk.tensor", "mbarrier", "setmaxnreg".)
//
// A tile of R rows lies in shared memory as panels of 64 columns, one after the other: [R][64],
// 128 bytes a row, 1024-byte aligned. Within each 8 rows, the 16-byte piece c of row r lies in
// place c ^ r: bits 4 to 6 of an address are those of the plain layout xor its bits 7 to 9.
// That is how copy_tile writes and wgmma reads, both without bank conflicts.
//
// All of it is asynchronous. A tile is there when its barrier's phase has ended; sums are there,
// and operands may change, after wgmma_wait; registers that a product takes part in must have been
// written before the wgmma_fence ahead of it. The host layer spoils what is read too early.
#pragma once
#include "backend/cuda/mma.h"
#include "backend/cuda/tensor_map.h"

// Whether this pass of the compiler has the instructions.
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ATTUNE_HAS_HOPPER 1
#else
#define ATTUNE_HAS_HOPPER 0
#endif

namespace attune::cuda {

constexpr int kGroupWarps = 4, kWarpgroup = kGroupWarps * kWarp;
constexpr int kPanel = 64;      // columns
constexpr int kPanelRow = 128;  // bytes

/** An mbarrier. Its phases have parities 0, 1, 0, …; each ends when all have arrived in it. */
struct TileBarrier {
  uint64_t word;
};

/** `arrivals` end a phase. By one thread; the others may use it after a barrier of the block. */
__device__ __forceinline__ void barrier_init(TileBarrier& barrier, int arrivals) {
#ifdef __CUDACC__
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)),
               "r"(arrivals)
               : "memory");
#else
  host::barrier_init(&barrier.word, arrivals);
#endif
}

/** After the last barrier_init, before any copy: copies see the barriers. */
__device__ __forceinline__ void barrier_init_fence() {
#ifdef __CUDACC__
  asm volatile(
      "fence.mbarrier_init.release.cluster;\n"
      "fence.proxy.async.shared::cta;" ::
          : "memory");
#else
  host::barrier_init_fence();
#endif
}

__device__ __forceinline__ void barrier_arrive(TileBarrier& barrier) {
#ifdef __CUDACC__
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier))
               : "memory");
#else
  host::barrier_arrive(&barrier.word, 0);
#endif
}

/** One arrival of the warp, when all of it has come here from a wait of its own. */
__device__ __forceinline__ void barrier_arrive_warp(TileBarrier& barrier) {
  if (threadIdx.x % kWarp == 0) barrier_arrive(barrier);
}

/** Arrives; the phase moreover waits for `bytes` of copies. */
__device__ __forceinline__ void barrier_expect(TileBarrier& barrier, int bytes) {
#ifdef __CUDACC__
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)),
      "r"(bytes)
      : "memory");
#else
  host::barrier_arrive(&barrier.word, bytes);
#endif
}

/** Waits until the phase of this parity has ended; the one before the first counts as ended. */
__device__ __forceinline__ void barrier_wait(TileBarrier& barrier, int parity) {
#ifdef __CUDACC__
  asm volatile(
      "{\n"
      ".reg .pred ended;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
      "@!ended bra again;\n"
      "}" ::"r"(shared_address(&barrier)),
      "r"(parity)
      : "memory");
#else
  host::barrier_wait(&barrier.word, parity);
#endif
}

/** Begins to copy the map's tile whose first element is (row, column) to one panel. One thread. */
__device__ __forceinline__ void copy_tile(void* panel, const TensorMap& map, int row, int column,
                                          TileBarrier& barrier) {
#ifdef __CUDACC__
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(panel)),
      "l"(&map), "r"(column), "r"(row), "r"(shared_address(&barrier))
      : "memory");
#else
  host::copy_tile(panel, &map, row, column, &barrier.word);
#endif
}

// Barriers 1 to 15 of the block, for `threads` of it: whole warps that wait, or arrive and go on.
__device__ __forceinline__ void named_wait(int id, int threads) {
#ifdef __CUDACC__
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  host::named_barrier(id, threads, true);
#endif
}
__device__ __forceinline__ void named_arrive(int id, int threads) {
#ifdef __CUDACC__
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  host::named_barrier(id, threads, false);
#endif
}

/** A warpgroup goes on with `Count` registers a thread, less than before; or more, once free. */
template <int Count>
__device__ __forceinline__ void release_registers() {
  static_assert(Count >= 24 && Count <= 256 && Count % 8 == 0, "what the hardware allows");
#ifdef __CUDACC__
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}
template <int Count>
__device__ __forceinline__ void claim_registers() {
  static_assert(Count >= 24 && Count <= 256 && Count % 8 == 0, "what the hardware allows");
#ifdef __CUDACC__
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}

/** 2^x to the last bits, 0 below the smallest normal number. */
__device__ __forceinline__ float fast_exp2(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

/**
 * Where wgmma finds a tile, from its row `row` on: address / 16 in bits 0 to 13, the distance of
 * panels / 16 in bits 16 to 29 (read where columns are rows of the product), that of 8 rows / 16
 * in bits 32 to 45, and the swizzle of 128 bytes as 1 in bits 62 and 63.
 */
__device__ __forceinline__ uint64_t tile_descriptor(const void* tile, int rows) {
#ifdef __CUDACC__
  const uint32_t address = shared_address(tile);
#else
  const uint32_t address = host::shared_address(tile);
#endif
  return static_cast<uint64_t>((address & 0x3ffff) >> 4) |
         static_cast<uint64_t>(rows * kPanelRow >> 4) << 16 |
         static_cast<uint64_t>(8 * kPanelRow >> 4) << 32 | uint64_t{1} << 62;
}

/** What to add to the descriptor of a tile of `rows` rows to begin at column `column`. */
__device__ __forceinline__ constexpr uint64_t descriptor_column(int rows, int column) {
  return static_cast<uint64_t>((column / kPanel * rows * kPanelRow + column % kPanel * 2) >> 4);
}
/** The same for row `row`, a multiple of 8. */
__device__ __forceinline__ constexpr uint64_t descriptor_row(int row) {
  return static_cast<uint64_t>(row * kPanelRow >> 4);
}

#ifdef __CUDACC__
#define ATTUNE_SUMS_4(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define ATTUNE_SUMS_16(i) \
  ATTUNE_SUMS_4(i), ATTUNE_SUMS_4(i + 1), ATTUNE_SUMS_4(i + 2), ATTUNE_SUMS_4(i + 3)
#define ATTUNE_SUMS_32 ATTUNE_SUMS_16(0), ATTUNE_SUMS_16(4)
#define ATTUNE_SUMS_64 ATTUNE_SUMS_32, ATTUNE_SUMS_16(8), ATTUNE_SUMS_16(12)
#define ATTUNE_NAMES_32                                                                   \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, " \
  "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define ATTUNE_NAMES_64                                                                     \
  ATTUNE_NAMES_32                                                                           \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, " \
  "%49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ATTUNE_WGMMA(columns) "wgmma.mma_async.sync.aligned.m64n" columns "k16.f32.bf16.bf16 "
#endif

/**
 * d = A B^T, or d += A B^T where `more`: A 64 rows and B 8 * N rows of tiles, 16 columns of each.
 * d as mma.h has it, d[n] being the columns from 8 * n on, the rows those of the warp: 16 * warp.
 * Begins only; the whole warpgroup calls.
 */
template <int N>
__device__ __forceinline__ void wgmma_transposed(float (&d)[N][4], uint64_t a, uint64_t b,
                                                 bool more) {
  static_assert(N == 8 || N == 16, "64 or 128 columns");
#ifdef __CUDACC__
  const int add = more;
  if constexpr (N == 8) {
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %34, 0;\n" ATTUNE_WGMMA(
                     "64") "{" ATTUNE_NAMES_32 "}, %32, %33, add, 1, 1, 0, 0;\n}"
                 : ATTUNE_SUMS_32
                 : "l"(a), "l"(b), "r"(add));
  } else {
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %66, 0;\n" ATTUNE_WGMMA(
                     "128") "{" ATTUNE_NAMES_64 "}, %64, %65, add, 1, 1, 0, 0;\n}"
                 : ATTUNE_SUMS_64
                 : "l"(a), "l"(b), "r"(add));
  }
#else
  host::wgmma(&d[0][0], 8 * N, nullptr, a, b, more);
#endif
}

/** d += A B: A 16 columns held as mma.h has it, B 16 rows and 8 * N columns of a tile. */
template <int N>
__device__ __forceinline__ void wgmma_rows(float (&d)[N][4], const uint32_t (&a)[4], uint64_t b) {
  static_assert(N == 8 || N == 16, "64 or 128 columns");
#ifdef __CUDACC__
  if constexpr (N == 8) {
    asm volatile(ATTUNE_WGMMA("64") "{" ATTUNE_NAMES_32 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                 : ATTUNE_SUMS_32
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  } else {
    asm volatile(ATTUNE_WGMMA("128") "{" ATTUNE_NAMES_64 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : ATTUNE_SUMS_64
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  }
#else
  host::wgmma(&d[0][0], 8 * N, a, 0, b, true);
#endif
}

/** Registers written so far are seen by the products that follow. */
__device__ __forceinline__ void wgmma_fence() {
#ifdef __CUDACC__
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#else
  host::wgmma_fence();
#endif
}

/** The products begun since the last commit become a group. */
__device__ __forceinline__ void wgmma_commit() {
#ifdef __CUDACC__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  host::wgmma_commit();
#endif
}

/** Keeps the compiler from using or moving these registers across this place. */
template <int N>
__device__ __forceinline__ void pin([[maybe_unused]] float (&d)[N][4]) {
#ifdef __CUDACC__
#pragma unroll
  for (int n = 0; n < N; ++n) asm volatile("" : ATTUNE_SUMS_4(n)::"memory");
#endif
}

/** Waits until at most the last `Groups` groups are under way; `sums` are those of the others. */
template <int Groups, class... Sums>
__device__ __forceinline__ void wgmma_wait(Sums&... sums) {
#ifdef __CUDACC__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
  (pin(sums), ...);
#else
  host::wgmma_wait(Groups);
  (pin(sums), ...);
#endif
}

#ifdef __CUDACC__
#undef ATTUNE_SUMS_4
#undef ATTUNE_SUMS_16
#undef ATTUNE_SUMS_32
#undef ATTUNE_SUMS_64
#undef ATTUNE_NAMES_32
#undef ATTUNE_NAMES_64
#undef ATTUNE_WGMMA
#endif

}  // namespace attune::cuda
