// Tensor cores and what feeds them, a warp at a time: every lane must call. (PTX ISA, "Warp Level
// Matrix Instructions" and "cp.async".)
//
// Fragments, with lane = 4 * g + t, g in 0..7, t in 0..3; a register holds two bf16, the lower half
// first; [row][column]:
//
//   A 16 x 16   a[0]: [g][2t, 2t + 1]         a[1]: [g + 8][2t, 2t + 1]
//               a[2]: [g][2t + 8, 2t + 9]     a[3]: [g + 8][2t + 8, 2t + 9]
//   B 16 x 8    b[0]: [2t, 2t + 1][g]         b[1]: [2t + 8, 2t + 9][g]
//   D 16 x 8    d[0], d[1]: [g][2t, 2t + 1]   d[2], d[3]: [g + 8][2t, 2t + 1]    (float)
//
// ldmatrix reads 8 x 8 matrices of bf16 from shared memory, each row 16 bytes, aligned. Row r of
// matrix i lies where lane 8 * i + r says; other lanes' addresses are not used. to[i] receives
//
//   plain       [g][2t, 2t + 1] of matrix i
//   transposed  [2t, 2t + 1][g] of matrix i
//
// so that, from a row-major tile x[row][k], ldmatrix<4> with lane l pointing at
// x[l % 16][8 * (l / 16)] gives A; from y[n][k] (B transposed), ldmatrix<2> with lane l pointing at
// y[l % 8][8 * (l / 8 % 2)] gives B; from z[k][n], ldmatrix_transposed<2> with lane l pointing at
// z[l % 16][0] gives B.
#pragma once
#include "backend/cuda/device.h"

namespace attune::cuda {

#ifdef __CUDACC__
__device__ __forceinline__ uint32_t shared_address(const void* memory) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(memory));
}
#endif

/** N = 1, 2 or 4 matrices. */
template <int N>
__device__ __forceinline__ void ldmatrix(uint32_t (&to)[N], const void* row) {
  static_assert(N == 1 || N == 2 || N == 4, "1, 2 or 4 matrices");
#ifdef __CUDACC__
  const uint32_t from = shared_address(row);
  if constexpr (N == 4) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
  } else if constexpr (N == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(to[0]), "=r"(to[1])
                 : "r"(from)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(to[0])
                 : "r"(from)
                 : "memory");
  }
#else
  host::ldmatrix(to, row, N, false);
#endif
}

template <int N>
__device__ __forceinline__ void ldmatrix_transposed(uint32_t (&to)[N], const void* row) {
  static_assert(N == 1 || N == 2 || N == 4, "1, 2 or 4 matrices");
#ifdef __CUDACC__
  const uint32_t from = shared_address(row);
  if constexpr (N == 4) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
  } else if constexpr (N == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(to[0]), "=r"(to[1])
                 : "r"(from)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(to[0])
                 : "r"(from)
                 : "memory");
  }
#else
  host::ldmatrix(to, row, N, true);
#endif
}

/** d += a b, products exact, sums in float32. */
__device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  host::mma(d, a, b);
#endif
}

/**
 * Begins to copy 16 bytes to shared memory, past the registers; both ends aligned. Only the first
 * `bytes` are read, and the rest becomes 0: with 0 bytes nothing is read.
 */
__device__ __forceinline__ void copy_async(void* shared, const void* global, int bytes = 16) {
#ifdef __CUDACC__
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(bytes)
               : "memory");
#else
  host::copy_async(shared, global, bytes);
#endif
}

/** The copies that this thread has begun since its last commit become a group. */
__device__ __forceinline__ void copy_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  host::copy_commit();
#endif
}

/**
 * Waits until at most the last `Groups` groups of this thread are under way. Other threads see the
 * copies after a barrier that follows.
 */
template <int Groups>
__device__ __forceinline__ void copy_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#else
  host::copy_wait(Groups);
#endif
}

}  // namespace attune::cuda
