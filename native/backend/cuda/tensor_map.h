// How Hopper's copies find a tile of a matrix in global memory: made on the host, read by the
// device. The descriptor is opaque; tensor_map.cpp has the driver write it, the host layer its own.
#pragma once
#include <cstdint>

namespace attune::cuda {

struct alignas(128) TensorMap {
  uint64_t words[16];
};

/**
 * Tiles of `tile_rows` (at most 256) rows and 64 columns of a bfloat16 matrix whose rows are
 * `stride` elements apart, both data and rows on 16 bytes. What lies beyond the matrix is 0.
 * Throws Code::device where the driver has no such copies.
 */
TensorMap tensor_map(const void* data, int64_t columns, int64_t rows, int64_t stride,
                     int tile_rows);

}  // namespace attune::cuda
