// The instructions of hopper.h, each by its definition in the PTX ISA.
#include "backend/cuda/host/hopper.h"

#include <cstring>

#include "backend/cuda/host/block.h"
#include "core/dtype.h"
#include "core/error.h"

namespace attune::cuda::host {
namespace {

constexpr uint32_t kAll = 0xffffffffu;
constexpr uint32_t kWindow = 1024;  // where a block's own shared memory begins on a device
constexpr int kPanel = 64, kPanelRow = 128;

/** A TensorMap of this layer. */
struct Matrix {
  const unsigned char* data;
  int64_t columns, rows, stride;
  int32_t tile_rows, made;  // kMade: by tensor_map
};
constexpr int32_t kMade = 0x7e4502;
static_assert(sizeof(Matrix) <= sizeof(TensorMap), "fits");

/** An mbarrier's word. */
struct Phases {
  int16_t arrivals, left;  // of a phase
  int32_t parity : 1, bytes : 31;

  bool end_if_done() {
    if (left > 0 || bytes != 0) return false;
    parity = ~parity;
    left = arrivals;
    return true;
  }
};
static_assert(sizeof(Phases) == sizeof(uint64_t), "a word");

Phases& phases_of(uint64_t* barrier) {
  auto& phases = *reinterpret_cast<Phases*>(barrier);
  if (phases.arrivals <= 0) fail("a tile barrier that has not been initialised");
  return phases;
}

/** Bits 4 to 6 of an address xor bits 7 to 9. */
uint32_t swizzled(uint32_t address) { return address ^ (address >> 3 & 0x70); }

Block& block() { return Block::of_this_thread(); }

/** 16 bytes at an address in the shared window. */
unsigned char* chunk_at(uint32_t address) {
  const uint32_t at = swizzled(address) - kWindow;
  if (address < kWindow || at + 16 > block().shared_size())
    fail("a tile that reaches beyond shared memory");
  return block().shared() + at;
}

uint32_t field(uint64_t descriptor, int first) {
  return static_cast<uint32_t>(descriptor >> first & 0x3fff) << 4;
}

void require_descriptor(uint64_t tile) {
  if (tile >> 62 != 1) fail("a tile descriptor without the swizzle of 128 bytes");
  if (tile >> 46 & 0xffff) fail("a tile descriptor with a base offset or unknown bits");
}

/** 16 columns of `rows` rows, columns contiguous in memory. */
void read_rows(uint64_t tile, int first, int rows, uint16_t (*to)[16]) {
  require_descriptor(tile);
  for (int i = 0; i < rows; ++i) {
    const int row = first + i;
    const uint32_t at = field(tile, 0) + static_cast<uint32_t>(row / 8) * field(tile, 32) +
                        static_cast<uint32_t>(row % 8 * kPanelRow);
    std::memcpy(to[i], chunk_at(at), 16);
    std::memcpy(to[i] + 8, chunk_at(at + 16), 16);
  }
}

/** The same of a tile of 16 rows and `columns` columns, transposed. */
void read_columns(uint64_t tile, int columns, uint16_t (*to)[16]) {
  require_descriptor(tile);
  for (int k = 0; k < 16; ++k) {
    for (int j = 0; j < columns; j += 8) {
      const uint32_t at = field(tile, 0) + static_cast<uint32_t>(k / 8) * field(tile, 32) +
                          static_cast<uint32_t>(k % 8 * kPanelRow) +
                          static_cast<uint32_t>(j / kPanel) * field(tile, 16) +
                          static_cast<uint32_t>(j % kPanel * 2);
      uint16_t chunk[8];
      std::memcpy(chunk, chunk_at(at), 16);
      for (int i = 0; i < 8; ++i) to[j + i][k] = chunk[i];
    }
  }
}

struct Operands {
  uint16_t a[16][16], b[256][16];
};

void read(const Product& product, int warp, Operands& to) {
  if (product.a[0]) {
    for (int l = 0; l < kWarp; ++l) {
      const int g = l / 4, t = l % 4;
      for (int i = 0; i < 4; ++i) {
        const uint32_t word = product.a[l][i];
        uint16_t* pair = &to.a[g + i % 2 * 8][2 * t + i / 2 * 8];
        pair[0] = static_cast<uint16_t>(word);
        pair[1] = static_cast<uint16_t>(word >> 16);
      }
    }
  } else {
    read_rows(product.a_tile, 16 * (warp % 4), 16, to.a);
  }
  if (product.transpose) {
    read_rows(product.b_tile, 0, product.columns, to.b);
  } else {
    read_columns(product.b_tile, product.columns, to.b);
  }
}

uint64_t sum_of(const Operands& operands, int columns) {
  uint64_t sum = 0;
  const auto add = [&](const uint16_t(*rows)[16], int count) {
    for (int i = 0; i < count; ++i) {
      for (int k = 0; k < 16; k += 4) {
        uint64_t word;
        std::memcpy(&word, rows[i] + k, 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
      }
    }
  };
  add(operands.a, 16);
  add(operands.b, columns);
  return sum;
}

/** sums [16, 256] += a [16, 16] b [16, 256]. Most of the time goes here, checked or not. */
#ifdef __SANITIZE_ADDRESS__
__attribute__((no_sanitize_address, no_sanitize_undefined, optimize("O3")))
#endif
void multiply_add(const float (*a)[16], const float (*b)[256], int columns, float (*sums)[256]) {
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 16; ++k) {
      for (int j = 0; j < columns; ++j) sums[i][j] += a[i][k] * b[k][j];
    }
  }
}

void multiply(const Operands& operands, Sums& sums) {
  float a[16][16], b[16][256];
  for (int k = 0; k < 16; ++k) {
    for (int i = 0; i < 16; ++i) a[i][k] = bf16_to_f32(operands.a[i][k]);
    for (int j = 0; j < sums.columns; ++j) b[k][j] = bf16_to_f32(operands.b[j][k]);
  }
  multiply_add(a, b, sums.columns, sums.value);
}

/** Calls f(register, its sum) for each of a lane's. */
template <class F>
void each_sum(Sums& sums, int lane, const F& f) {
  const int g = lane / 4, t = lane % 4;
  for (int n = 0; n < sums.columns / 8; ++n) {
    for (int i = 0; i < 4; ++i)
      f(sums.d[lane][4 * n + i], sums.value[g + i / 2 * 8][8 * n + 2 * t + i % 2]);
  }
}

struct Begun {
  float* d;
  const uint32_t* a;
  uint64_t a_tile, b_tile;
  int columns;
  bool more, fenced;
};

/** The sums under way in these registers, or a start from what they hold. */
Sums& sums_of(WarpProducts& warp, void* const* lanes) {
  const auto begun = [&](int l) -> const Begun& { return *static_cast<const Begun*>(lanes[l]); };
  const int columns = begun(0).columns;
  for (Sums& sums : warp.sums) {
    const float *first = sums.d[0], *own = begun(0).d;
    if (first == own && sums.columns == columns) return sums;
    if (own < first + sums.columns / 2 && first < own + columns / 2)
      fail("wgmma into registers that another shape of it has under way");
  }
  Sums& sums = warp.sums.emplace_back();
  sums.columns = columns;
  for (int l = 0; l < kWarp; ++l) {
    sums.d[l] = begun(l).d;
    if (!begun(l).fenced) fail("wgmma without wgmma_fence ahead");
    each_sum(sums, l, [](float& own, float& value) {
      value = own;
      std::memset(&own, 0xff, sizeof own);
    });
  }
  return sums;
}

void combine_wgmma(uint32_t, void* const* lanes) {
  const auto begun = [&](int l) -> const Begun& { return *static_cast<const Begun*>(lanes[l]); };
  const int index = block().running() / kWarp;
  WarpProducts& warp = block().hopper().warps[static_cast<size_t>(index)];
  Product product = {};
  product.a_tile = begun(0).a_tile;
  product.b_tile = begun(0).b_tile;
  product.transpose = !begun(0).a;
  product.columns = begun(0).columns;
  product.group = warp.group;
  for (int l = 0; l < kWarp; ++l) {
    product.a[l] = begun(l).a;
    if (begun(l).a_tile != product.a_tile || begun(l).b_tile != product.b_tile ||
        begun(l).more != begun(0).more)
      fail("wgmma with descriptors that differ within a warp");
  }
  Operands operands;
  read(product, index, operands);
  product.read = sum_of(operands, product.columns);
  warp.products.push_back(product);
  Sums& sums = sums_of(warp, lanes);
  if (!begun(0).more) std::memset(sums.value, 0, sizeof sums.value);
  multiply(operands, sums);
  sums.group = warp.group;
}

void combine_wait(uint32_t, void* const* lanes) {
  const int index = block().running() / kWarp;
  WarpProducts& warp = block().hopper().warps[static_cast<size_t>(index)];
  const int done = warp.group - *static_cast<const int*>(lanes[0]);  // groups before this one
  size_t ended = 0;
  for (; ended < warp.products.size() && warp.products[ended].group < done; ++ended) {
    const Product& product = warp.products[ended];
    Operands operands;
    read(product, index, operands);
    if (sum_of(operands, product.columns) != product.read)
      fail("an operand of wgmma that has changed before the wait for it");
  }
  warp.products.erase(warp.products.begin(),
                      warp.products.begin() + static_cast<std::ptrdiff_t>(ended));
  for (size_t i = 0; i < warp.sums.size();) {
    Sums& sums = warp.sums[i];
    if (sums.group >= done) {
      ++i;
      continue;
    }
    for (int l = 0; l < kWarp; ++l)
      each_sum(sums, l, [](float& own, const float& value) { own = value; });
    warp.sums.erase(warp.sums.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

WarpProducts& own_warp() { return block().hopper().warps[static_cast<size_t>(thread() / kWarp)]; }

}  // namespace

void Hopper::begin_block(int count) {
  copies.clear();
  warps.assign(static_cast<size_t>(count), {});
  for (NamedBarrier& barrier : named) barrier = {};
  fenced = false;
}

bool Hopper::land(size_t which) {
  if (copies.empty()) return false;
  which %= copies.size();
  const TileCopy copy = copies[which];
  copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(which));
  Matrix matrix;
  std::memcpy(&matrix, &copy.map, sizeof matrix);
  const uint32_t to = shared_address(copy.panel);
  for (int i = 0; i < matrix.tile_rows; ++i) {
    const int64_t row = copy.row + i;
    for (int j = 0; j < kPanel; j += 8) {
      const uint32_t at = swizzled(to + static_cast<uint32_t>(i * kPanelRow + j * 2)) - to;
      for (int e = 0; e < 8; ++e) {
        const int64_t column = copy.column + j + e;
        uint16_t value = 0;
        if (row >= 0 && row < matrix.rows && column >= 0 && column < matrix.columns)
          std::memcpy(&value, matrix.data + 2 * (row * matrix.stride + column), 2);
        std::memcpy(copy.panel + at + 2 * e, &value, 2);
      }
    }
  }
  Phases& phases = phases_of(copy.barrier);
  phases.bytes -= matrix.tile_rows * kPanelRow;
  phases.end_if_done();
  return true;
}

std::string Hopper::undone() const {
  if (!copies.empty()) return "a tile copy that it has not waited for";
  for (const NamedBarrier& barrier : named)
    if (barrier.arrived) return "an arrival at a named barrier that none has waited for";
  return "";
}

uint32_t shared_address(const void* memory) {
  return static_cast<uint32_t>(static_cast<const unsigned char*>(memory) - block().shared()) +
         kWindow;
}

void barrier_init(uint64_t* barrier, int arrivals) {
  require_aligned(barrier, 8);
  if (arrivals < 1 || arrivals > 1024) fail("a tile barrier of fewer than 1 or more than 1024");
  const auto count = static_cast<int16_t>(arrivals);
  *reinterpret_cast<Phases*>(barrier) = {count, count, 0, 0};
  block().hopper().fenced = false;
}

void barrier_init_fence() { block().hopper().fenced = true; }

void barrier_arrive(uint64_t* barrier, int bytes) {
  Phases& phases = phases_of(barrier);
  if (phases.left == 0) fail("an arrival at a tile barrier that all have reached");
  --phases.left;
  phases.bytes += bytes;
  if (phases.end_if_done()) block().hand_over();
}

void barrier_wait(uint64_t* barrier, int parity) {
  const uint32_t at = shared_address(barrier) - kWindow;
  // Nothing here may take memory: a thread that waits for ever is abandoned with what it holds.
  block().wait_until("the tile barrier at", at,
                     [=] { return (phases_of(barrier).parity & 1) != parity; });
}

void copy_tile(void* panel, const void* map, int row, int column, uint64_t* barrier) {
  require_aligned(panel, 1024);
  Hopper& hopper = block().hopper();
  if (!hopper.fenced) fail("copy_tile without barrier_init_fence ahead");
  phases_of(barrier);
  TileCopy copy = {static_cast<unsigned char*>(panel), {}, row, column, barrier};
  std::memcpy(&copy.map, map, sizeof copy.map);
  Matrix matrix;
  std::memcpy(&matrix, map, sizeof matrix);
  if (matrix.made != kMade) fail("copy_tile with what is no TensorMap");
  const auto bytes = static_cast<size_t>(matrix.tile_rows * kPanelRow);
  if (copy.panel < block().shared() ||
      copy.panel + bytes > block().shared() + block().shared_size())
    fail("copy_tile beyond shared memory");
  std::memset(panel, 0xff, bytes);
  hopper.copies.push_back(copy);
}

void named_barrier(int id, int threads, bool wait) {
  if (id < 1 || id > 15) fail("a named barrier that is none of 1 to 15");
  if (threads % kWarp != 0) fail("a named barrier for part of a warp");
  NamedBarrier& barrier = block().hopper().named[id];
  if (barrier.arrived > 0 && barrier.threads != threads)
    fail("a named barrier that others take for another number of threads");
  barrier.threads = threads;
  const int64_t turn = barrier.turns;
  if (++barrier.arrived == threads) {
    barrier.arrived = 0;
    ++barrier.turns;
  }
  if (wait)
    block().wait_until("named barrier", id, [&barrier, turn] { return barrier.turns != turn; });
}

void wgmma(float* d, int columns, const uint32_t* a, uint64_t a_tile, uint64_t b_tile, bool more) {
  Begun own = {d, a, a_tile, b_tile, columns, more, own_warp().fenced[lane()]};
  collective("wgmma", kAll, &own, combine_wgmma);
}

void wgmma_fence() { own_warp().fenced[lane()] = true; }

void wgmma_commit() {
  int nothing = 0;
  collective("wgmma_commit", kAll, &nothing, [](uint32_t, void* const*) {
    ++block().hopper().warps[static_cast<size_t>(block().running() / kWarp)].group;
  });
}

void wgmma_wait(int groups) {
  own_warp().fenced[lane()] = false;
  collective("wgmma_wait", kAll, &groups, combine_wait);
}

}  // namespace attune::cuda::host

attune::cuda::TensorMap attune::cuda::tensor_map(const void* data, int64_t columns, int64_t rows,
                                                 int64_t stride, int tile_rows) {
  const bool fits = reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride % 8 == 0 &&
                    stride >= columns && columns > 0 && rows > 0 && tile_rows > 0 &&
                    tile_rows <= 256;
  check(fits, Code::device, "tensor_map", "refuses the matrix");
  const host::Matrix matrix = {
      static_cast<const unsigned char*>(data), columns, rows, stride, tile_rows, host::kMade};
  TensorMap map = {};
  std::memcpy(&map, &matrix, sizeof matrix);
  return map;
}
