// How a wide matrix is shared out among blocks that keep sums of its columns and of its rows: each
// takes some strips of some tiles of rows, and leaves parts of both kinds of sums in the workspace.
#pragma once
#include "backend/cuda/thin_tile.h"

namespace attune::cuda {

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

/** The same of as many of the first rows as parts fit for: `rows` becomes theirs. */
inline ThinSplit split_within_room(ThinShape& shape) {
  ThinSplit split = split_of(shape);
  while (!split && shape.rows > kDeep) {
    shape.rows = (shape.rows / 2 + kDeep - 1) / kDeep * kDeep;
    split = split_of(shape);
  }
  return split;
}

}  // namespace attune::cuda
