// What of a block is under way beside its threads: tiles that are copied, products of warpgroups,
// and barriers that part of the block takes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/tensor_map.h"

namespace attune::cuda::host {

/** A copy that has begun. */
struct TileCopy {
  unsigned char* panel;
  TensorMap map;  // the kernel's own may be gone when the copy lands
  int row, column;
  uint64_t* barrier;
};

struct NamedBarrier {
  int threads = 0, arrived = 0;
  int64_t turns = 0;
};

/** The 16 rows of a warp in a product of its warpgroup. */
struct Product {
  const uint32_t* a[kWarp];  // registers of each lane; null: a tile
  uint64_t a_tile, b_tile;
  bool transpose;  // rows of the tile of B count as they are
  int columns;
  uint64_t read;  // a sum over the operands as they were read
  int group;
};

/** Sums that a warp has under way, of one or several products. */
struct Sums {
  float* d[kWarp];
  int columns;
  float value[16][256];
  int group;  // the last product's
};

struct WarpProducts {
  std::vector<Product> products;
  std::vector<Sums> sums;
  int group = 0;
  bool fenced[kWarp] = {};
};

class Hopper {
 public:
  void begin_block(int warps);
  /** The copy `which`, modulo their number, arrives; false where there is none. */
  bool land(size_t which);
  bool products(int warp) const { return !warps[static_cast<size_t>(warp)].sums.empty(); }
  /** What a block that ends should have waited for; empty: nothing. */
  std::string undone() const;

  std::vector<TileCopy> copies;
  std::vector<WarpProducts> warps;
  NamedBarrier named[16];
  bool fenced = false;  // since the last barrier_init
};

}  // namespace attune::cuda::host
