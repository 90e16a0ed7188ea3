// Tiles of rows of bf16 on their way to shared memory, where ldmatrix reads them.
#pragma once
#include "backend/cuda/mma.h"
#include "backend/cuda/number.h"

namespace attune::cuda {

/** Columns of a matrix in global memory, of which tiles are taken: those of a head, of a strip. */
struct TileSource {
  const bf16* data;  // row 0, column 0
  int64_t stride;
  int rows;   // in all
  bool wide;  // 16-byte copies are possible
};

/** A tile's row in shared memory: 16 bytes more than it needs, so that ldmatrix meets no conflict.
 */
template <int P>
constexpr int kTileStride = P + 8;

/** Begins to copy a tile of `Count` rows; what lies beyond the rows or the `columns` is 0. */
template <int P, int Count, int Threads>
__device__ __forceinline__ void load_tile(bf16* tile, const TileSource& from, int first,
                                          int columns) {
  constexpr int kChunks = P / 8;
  for (int c = static_cast<int>(threadIdx.x); c < Count * kChunks; c += Threads) {
    const int row = c / kChunks, column = c % kChunks * 8;
    bf16* to = tile + row * kTileStride<P> + column;
    const bool inside = first + row < from.rows;
    const bf16* source = from.data + (inside ? first + row : 0) * from.stride;
    if (from.wide) {
      const int left = inside ? columns - column : 0;
      copy_async(to, source + (left > 0 ? column : 0), left >= 8 ? 16 : left > 0 ? 2 * left : 0);
    } else {
      for (int i = 0; i < 8; ++i)
        to[i] = inside && column + i < columns ? source[column + i] : bf16{0};
    }
  }
}

}  // namespace attune::cuda
