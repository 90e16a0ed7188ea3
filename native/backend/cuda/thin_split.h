// How wide matrices are shared out among blocks that keep sums of their columns and of their rows
// (thin_kernel.h): each takes some strips of some tiles of rows, and leaves parts of both kinds of
// sums in the workspace.
#pragma once
#include "backend/cuda/thin_tile.h"

namespace attune::cuda {

// What the forms of the kernel read and keep:
//   kWide      matrices that are read, side by side
//   kProducts  the first of them have sums over tokens with a thin matrix each
//   kSides     the first of them have sums over columns with a side matrix each
//   kRowSides  side matrices are [rank, columns] rather than [columns, rank]
//   kSumBytes  of shared memory for sums over columns, at most
//   kBlocks    of a multiprocessor, if their shared memory allows
//   stages     tiles of each in shared memory, at a rank

/** Of d_y: d_b and d_low. */
struct OutputSizes {
  static constexpr int kWide = 1, kProducts = 1, kSides = 1;
  static constexpr int kSumBytes = 48 << 10, kBlocks = 2;
  static constexpr bool kRowSides = false;
  __host__ __device__ static constexpr int stages(int) { return 4; }
};
/** Of x and up: low of what they make. */
struct ActivationSizes {
  static constexpr int kWide = 2, kProducts = 0, kSides = 1;
  static constexpr int kSumBytes = 32 << 10, kBlocks = 2;
  static constexpr bool kRowSides = true;
  __host__ __device__ static constexpr int stages(int) { return 3; }
};
/** Of x, up and d_out: d_b and d_low of both, d_a of what they make. */
struct ActivationBackwardSizes {
  static constexpr int kWide = 3, kProducts = 3, kSides = 2;
  static constexpr int kSumBytes = 64 << 10, kBlocks = 1;
  static constexpr bool kRowSides = false;
  __host__ __device__ static constexpr int stages(int rank) {
    return rank > 32 ? 2 : 3;
  }  // as there is room
};

/** The rank in sixteens, for which the kernel is made. */
__host__ __device__ constexpr int sixteens(int64_t rank) {
  return static_cast<int>((rank + 15) / 16 * 16);
}
template <class Sizes>
constexpr int kThinWarps = 4 * Sizes::kSides;
template <class Sizes>
__host__ __device__ constexpr int side_tile(int rank) {
  return Sizes::kRowSides ? rank * kTileStride<kStrip> : kStrip * (rank + kTileStride<0>);
}
/** Floats of the sums over columns of a tile of rows. */
template <class Sizes>
__host__ __device__ constexpr int sums_of_tile(int rank) {
  return kThinWarps<Sizes> * 16 * rank / 2;
}
/** Bytes of shared memory besides those sums. */
template <class Sizes>
__host__ __device__ constexpr int tile_bytes(int rank) {
  return static_cast<int>(sizeof(bf16)) * Sizes::stages(rank) *
         (Sizes::kWide * kWideTile + Sizes::kProducts * kDeep *
                                         (rank + kTileStride<0>)+Sizes::kSides *
                                         side_tile<Sizes>(rank));
}

struct ThinSplit {
  int tiles = 0, strips = 0;  // of a block
  unsigned row_groups = 0, column_groups = 0;
  explicit operator bool() const { return tiles > 0; }
};

/** What a split is chosen for. */
struct ThinShape {
  int64_t rows = 0, columns = 0;
  int64_t wide = 1;           // matrices of this size
  int64_t column_floats = 0;  // of a part, for each column
  int64_t row_floats = 0;     // of a part, for each row
  int64_t most_tiles = 0;     // of a block
  int64_t blocks = 0;         // at a time
};

/**
 * The split that moves the fewest bytes: what the busiest place among `blocks` reads, times all
 * places, and the parts, written and read. Absent where no parts fit the workspace.
 */
inline ThinSplit split_of(const ThinShape& shape) {
  constexpr int64_t kMostStrips = 16, kRoom = Runtime::kWorkspace / sizeof(float);
  const auto over = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t all_tiles = over(shape.rows, kDeep), all_strips = over(shape.columns, kStrip);
  const int64_t tile = shape.wide * kDeep * kStrip * static_cast<int64_t>(sizeof(bf16));
  ThinSplit best;
  int64_t least = INT64_MAX;
  for (int64_t tiles = 1; tiles <= shape.most_tiles && tiles <= all_tiles; ++tiles) {
    for (int64_t strips = 1; strips <= kMostStrips && strips <= all_strips; ++strips) {
      const int64_t row_groups = over(all_tiles, tiles), column_groups = over(all_strips, strips);
      const int64_t floats = row_groups * shape.columns * shape.column_floats +
                             column_groups * shape.rows * shape.row_floats;
      const int64_t turns = over(row_groups * column_groups, shape.blocks);
      const int64_t bytes = turns * shape.blocks * tiles * strips * tile +
                            2 * floats * static_cast<int64_t>(sizeof(float));
      if (floats > kRoom || bytes >= least) continue;
      least = bytes;
      best = {static_cast<int>(tiles), static_cast<int>(strips), static_cast<unsigned>(row_groups),
              static_cast<unsigned>(column_groups)};
    }
  }
  return best;
}

/**
 * What a form makes of `rows` at once on a device: 16 groups of rows at most, so that their parts
 * stay few, and no more than parts have room for. `most_tiles` is 0 where a block has no room.
 */
template <class Sizes>
ThinShape thin_shape(const DeviceFacts& facts, int64_t rows, int64_t columns, int64_t rank) {
  constexpr int64_t kMostGroups = 16;
  const int n = sixteens(rank);
  const int64_t of_tile = sums_of_tile<Sizes>(n) * static_cast<int64_t>(sizeof(float));
  const int64_t room = static_cast<int64_t>(facts.shared_memory) - tile_bytes<Sizes>(n);
  ThinShape shape;
  shape.most_tiles =
      room < of_tile ? 0 : (room < Sizes::kSumBytes ? room : Sizes::kSumBytes) / of_tile;
  const int64_t most = kMostGroups * shape.most_tiles * kDeep;
  shape.rows = rows < most ? rows : most;
  shape.columns = columns;
  shape.wide = Sizes::kWide;
  shape.column_floats = Sizes::kProducts * rank;
  shape.row_floats = Sizes::kSides * rank;
  shape.blocks = Sizes::kBlocks * facts.multiprocessors;
  while (shape.rows > kDeep && !split_of(shape))
    shape.rows = (shape.rows / 2 + kDeep - 1) / kDeep * kDeep;
  return shape;
}

/** Floats of the parts of both kinds, columns' first. */
struct ThinParts {
  int64_t columns, rows;
};
inline ThinParts parts_of(const ThinShape& shape, const ThinSplit& split) {
  return {split.row_groups * shape.columns * shape.column_floats,
          split.column_groups * shape.rows * shape.row_floats};
}

/** Parts of the depth of a thin product over tokens (thin_product.cu). */
inline int64_t depth_parts(int64_t wide, int64_t thin, int64_t depth, int64_t multiprocessors) {
  constexpr int64_t kLeastSteps = 4, kBlocks = 3;  // steps of a part; blocks of a multiprocessor
  // As many parts as fill the device, as the workspace holds, and as have a few steps.
  const int64_t strips = (wide + kStrip - 1) / kStrip, steps = (depth + kDeep - 1) / kDeep;
  const auto room = static_cast<int64_t>(Runtime::kWorkspace / sizeof(float)) / (wide * thin);
  int64_t count = (kBlocks * multiprocessors + strips - 1) / strips;
  count = count < room ? count : room;
  return count < steps / kLeastSteps ? count : steps / kLeastSteps;
}

}  // namespace attune::cuda
