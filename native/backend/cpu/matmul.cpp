// The built-in product: blocks of a and b are packed to float32 and multiplied tile by tile.
//
// A task is one block of c. Its sum is kept in float32 scratch over all of k and written once, so
// a result is rounded once and does not depend on the blocking. Products of a few rows (decoding)
// do not pay for packing: they read b once, in place.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/tile.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

constexpr int64_t kStrip = kTileVectors * kLanes;      // columns of a packed strip of b
constexpr int64_t kBlockCols = 192 / kStrip * kStrip;  // of a task, in scratch of about 0.4 MB
constexpr int64_t kBlockRows = 192;
constexpr int64_t kBlockDepth = 128;
constexpr int64_t kThinRows = 4;

int64_t rows_of(const MatmulArgs& args) { return args.c.rows; }
int64_t depth_of(const MatmulArgs& args) { return args.trans_a ? args.a.rows : args.a.cols; }

/** Writes sums [rows, cols] to c at (i, j): scaled, bias and present value added, then rounded. */
template <typename C>
void write_block(const MatmulArgs& args, const float* sums, int64_t sums_row, int64_t i,
                 int64_t rows, int64_t j, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    C* c = static_cast<C*>(args.c.data) + (i + r) * args.c.stride + j;
    const float* from = sums + r * sums_row;
    for_lanes(cols, [&](int64_t x, auto lanes) {
      Vec value = load(from + x, lanes) * args.scale;
      if (args.bias) value += load(args.bias + j + x, lanes);
      if (args.accumulate) value += load(c + x, lanes);
      store(c + x, value, lanes);
    });
  }
}

void write(const MatmulArgs& args, const float* sums, int64_t sums_row, int64_t i, int64_t rows,
           int64_t j, int64_t cols) {
  if (args.c.dtype == DType::bf16) {
    write_block<uint16_t>(args, sums, sums_row, i, rows, j, cols);
  } else {
    write_block<float>(args, sums, sums_row, i, rows, j, cols);
  }
}

struct Block {
  int64_t row, rows, col, cols;
};

/** Packs op(b)[p.., col..] into strips of kStrip columns, each [depth, kStrip]. */
template <typename T>
void pack_b(const MatmulArgs& args, const Block& block, int64_t p, int64_t depth, float* to) {
  const T* b = static_cast<const T*>(args.b.data);
  const int64_t stride = args.b.stride;
  for (int64_t j = 0; j < block.cols; j += kStrip, to += kBlockDepth * kStrip) {
    const int64_t col = block.col + j, cols = block.cols - j < kStrip ? block.cols - j : kStrip;
    if (args.trans_b) {
      transpose(b + col * stride + p, stride, cols, depth, to, kStrip);
    } else {
      widen_rows(b + p * stride + col, stride, depth, cols, to, kStrip);
    }
  }
}

/** op(a)[row.., p..] as float32: in place where it can be read so, else packed in its own order. */
template <typename T>
void pack_a(const MatmulArgs& args, const Block& block, int64_t p, int64_t depth, float* to,
            Product* job) {
  const T* a = static_cast<const T*>(args.a.data);
  const int64_t stride = args.a.stride;
  job->a = to;
  if (args.trans_a) {
    widen_rows(a + p * stride + block.row, stride, depth, block.rows, to, kBlockRows);
    job->a_row = 1;
    job->a_col = kBlockRows;
  } else if (sizeof(T) == 4) {
    job->a = reinterpret_cast<const float*>(a + block.row * stride + p);
    job->a_row = stride;
    job->a_col = 1;
  } else {
    widen_rows(a + block.row * stride + p, stride, block.rows, depth, to, kBlockDepth);
    job->a_row = kBlockDepth;
    job->a_col = 1;
  }
}

/** Where things lie in the scratch of one task; a small product takes little. */
struct Places {
  Places(const MatmulArgs& args, int64_t rows, int64_t cols) {
    const int64_t depth = depth_of(args) < kBlockDepth ? depth_of(args) : kBlockDepth;
    const int64_t strips = (cols + kStrip - 1) / kStrip;
    b = (args.trans_a ? depth * kBlockRows : rows * kBlockDepth) + kLanes;
    sums = b + strips * kStrip * kBlockDepth;
    size = sums + rows * kBlockCols;
  }
  int64_t b, sums, size;
};

template <typename T>
void multiply_block(const MatmulArgs& args, const Block& block, const Places& places,
                    float* scratch) {
  float* packed_a = scratch;
  float* packed_b = scratch + places.b;
  float* sums = scratch + places.sums;
  const int64_t k = depth_of(args);
  Product job = {};
  job.b_row = kStrip;
  job.c_row = kBlockCols;
  for (int64_t p = 0; p < k; p += kBlockDepth) {
    job.k = k - p < kBlockDepth ? k - p : kBlockDepth;
    job.m = block.rows;
    job.accumulate = p > 0;
    pack_a<T>(args, block, p, job.k, packed_a, &job);
    pack_b<T>(args, block, p, job.k, packed_b);
    for (int64_t j = 0; j < block.cols; j += kStrip) {
      job.n = block.cols - j < kStrip ? block.cols - j : kStrip;
      job.b = packed_b + j * kBlockDepth;
      job.c = sums + j;
      product(job);
    }
  }
  write(args, sums, kBlockCols, block.row, block.rows, block.col, block.cols);
}

template <typename T>
void multiply(const MatmulArgs& args) {
  const int64_t m = rows_of(args), n = args.c.cols;
  const bool parallel = m * n * depth_of(args) > kParallelProduct;
  const int threads = parallel ? max_threads() : 1;
  int64_t rows = kBlockRows, cols = kBlockCols;  // smaller tasks where there are few
  const auto tasks = [&] { return ((m + rows - 1) / rows) * ((n + cols - 1) / cols); };
  while (tasks() < 3 * threads && rows > kTileRows * 4) rows = padded(rows / 2);
  while (tasks() < threads && cols > kStrip) cols = (cols / kStrip + 1) / 2 * kStrip;
  const int64_t down = (m + rows - 1) / rows, count = tasks();
  const Places places(args, m < rows ? m : rows, n < cols ? n : cols);
  Scratch scratch(places.size * threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (parallel)
  for (int64_t task = 0; task < count; ++task) {
    const int64_t i = task % down * rows, j = task / down * cols;
    const Block block = {i, m - i < rows ? m - i : rows, j, n - j < cols ? n - j : cols};
    multiply_block<T>(args, block, places, scratch.data() + places.size * thread_index());
  }
}

/** Few rows, b transposed: dot products along rows of b. a [m, k] is float32 scratch. */
template <typename T>
void thin_dots(const MatmulArgs& args, const float* a, int64_t a_row, Range columns, float* sums,
               int64_t sums_row) {
  const int64_t k = depth_of(args), m = rows_of(args);
  for (int64_t j = columns.begin; j < columns.end; ++j) {
    const T* b = static_cast<const T*>(args.b.data) + j * args.b.stride;
    Vec total[kThinRows] = {};
    for_lanes(k, [&](int64_t p, auto lanes) {
      const Vec y = load(b + p, lanes);
      for (int64_t i = 0; i < kThinRows; ++i) total[i] += load(a + i * a_row + p, Full{}) * y;
    });
    for (int64_t i = 0; i < m; ++i) sums[i * sums_row + j] = sum(total[i]);
  }
}

/** Few rows, b as it is: rows of b are added up, a strip of columns at a time. */
template <typename T>
void thin_strips(const MatmulArgs& args, const float* a, int64_t a_row, Range columns, float* sums,
                 int64_t sums_row) {
  const int64_t k = depth_of(args), m = rows_of(args), size = columns.end - columns.begin;
  const T* b = static_cast<const T*>(args.b.data) + columns.begin;
  for_lanes(size, [&](int64_t j, auto lanes) {
    Vec total[kThinRows] = {};
    for (int64_t p = 0; p < k; ++p) {
      const Vec y = load(b + p * args.b.stride + j, lanes);
      for (int64_t i = 0; i < kThinRows; ++i) total[i] += broadcast(a[i * a_row + p]) * y;
    }
    for (int64_t i = 0; i < m; ++i) store(sums + i * sums_row + columns.begin + j, total[i], lanes);
  });
}

/** op(a) as [kThinRows, k] float32, missing rows and the tail 0. */
template <typename T>
void copy_thin(const MatmulArgs& args, float* to, int64_t to_row) {
  const T* a = static_cast<const T*>(args.a.data);
  const int64_t k = depth_of(args), m = rows_of(args);
  memset(to, 0, static_cast<size_t>(kThinRows * to_row) * 4);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      to[i * to_row + p] =
          to_float(args.trans_a ? a[p * args.a.stride + i] : a[i * args.a.stride + p]);
    }
  }
}

template <typename T>
void multiply_thin(const MatmulArgs& args) {
  const int64_t m = rows_of(args), n = args.c.cols, k = depth_of(args);
  const int64_t a_row = padded(k), sums_row = padded(n);
  Scratch scratch(kThinRows * (a_row + sums_row));
  float* a = scratch.data();
  float* sums = a + kThinRows * a_row;
  copy_thin<T>(args, a, a_row);
#pragma omp parallel if (n * k > kParallelWork)
  {
    const Range columns = share(n, 64);
    if (args.trans_b) {
      thin_dots<T>(args, a, a_row, columns, sums, sums_row);
    } else {
      thin_strips<T>(args, a, a_row, columns, sums, sums_row);
    }
    const int64_t size = columns.end - columns.begin;
    for (int64_t i = 0; i < m; ++i) {
      write(args, sums + i * sums_row + columns.begin, sums_row, i, 1, columns.begin, size);
    }
  }
}

template <typename T>
void sum_columns(const ColumnSumArgs& args) {
  const T* x = static_cast<const T*>(args.x.data);
#pragma omp parallel if (args.x.size() > kParallelWork)
  {
    const Range columns = share(args.x.cols, kLanes);
    constexpr int64_t kWide = 8 * kLanes;
    int64_t j = columns.begin;
    for (; j + kWide <= columns.end; j += kWide) {
      Vec total[8] = {};
      for (int64_t i = 0; i < args.x.rows; ++i) {
        const T* row = x + i * args.x.stride + j;
        for (int v = 0; v < 8; ++v) total[v] += load(row + v * kLanes, Full{});
      }
      for (int v = 0; v < 8; ++v) {
        float* to = args.sums + j + v * kLanes;
        store(to, load(to, Full{}) + total[v], Full{});
      }
    }
    for_lanes(columns.end - j, [&](int64_t at, auto lanes) {
      Vec total = {};
      for (int64_t i = 0; i < args.x.rows; ++i)
        total += load(x + i * args.x.stride + j + at, lanes);
      store(args.sums + j + at, load(args.sums + j + at, lanes) + total, lanes);
    });
  }
}

}  // namespace

void Kernels::builtin_matmul(const MatmulArgs& args) {
  const bool half = args.a.dtype == DType::bf16, thin = args.c.rows <= kThinRows;
  if (thin) {
    half ? multiply_thin<uint16_t>(args) : multiply_thin<float>(args);
  } else {
    half ? multiply<uint16_t>(args) : multiply<float>(args);
  }
}

void Kernels::column_sum(const ColumnSumArgs& args) {
  args.x.dtype == DType::bf16 ? sum_columns<uint16_t>(args) : sum_columns<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
