// Products over tokens with a thin side, a^T b: the gradients of adapters, d_B += d_y^T low and
// d_A += d_low^T x. Both sides are read once, in rows; the work is that of reading the wide one.
//
// A block takes a strip of 128 columns of the wide side and a part of the depth, so that there are
// blocks enough for every multiprocessor: one thread of work per strip would leave most idle. Tiles
// of 32 rows come by asynchronous copies, four under way; ldmatrix turns both, tensor cores add
// them in float32. The parts go to the workspace, and a second kernel adds them in order and to
// what c holds, in one pass, so that bits do not depend on which block ends first.
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/thin_split.h"
#include "backend/shapes.h"

namespace attune::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kOfWarp = kStrip / kWarps, kStages = 4;
constexpr int64_t kLeastDepth = 256, kMostWide = 1 << 17;
constexpr unsigned kElements = 256;  // of a block that adds parts

template <int N>
constexpr size_t kShared = sizeof(bf16) * kStages*(kWideTile + kThinTile<N>);

/** What is multiplied: columns of `wide` [K, W] with columns of `thin` [K, N]. */
struct Sides {
  TileSource wide, thin;
  int wide_columns, thin_columns;
};

/** Where part p of the product's element (w, n) lies, in the order of c. */
struct Parts {
  float* data;
  int64_t each;  // elements of a part
  int wide_step, thin_step;
};

/** Grid: (strip, part). N: the thin side's columns, in sixteens. */
template <int N>
__global__ void __launch_bounds__(kThreads) thin_parts(Sides sides, int steps_each, Parts parts) {
  auto* wide_tiles = reinterpret_cast<bf16*>(shared_memory());
  bf16* thin_tiles = wide_tiles + kStages * kWideTile;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int strip = static_cast<int>(blockIdx.x) * kStrip;
  const int first_step = static_cast<int>(blockIdx.y) * steps_each;
  const int all_steps = (sides.wide.rows + kDeep - 1) / kDeep;
  const int steps = min(steps_each, all_steps - first_step);
  sides.wide.data += strip;
  const auto load = [&](int step) {
    if (step < steps) {
      const int row = (first_step + step) * kDeep, slot = step % kStages;
      load_tile<kStrip, kDeep, kThreads>(wide_tiles + slot * kWideTile, sides.wide, row,
                                         sides.wide_columns - strip);
      load_tile<N, kDeep, kThreads>(thin_tiles + slot * kThinTile<N>, sides.thin, row,
                                    sides.thin_columns);
    }
    copy_commit();  // of nothing behind the last step, so that groups count steps
  };
  for (int step = 0; step < kStages - 1; ++step) load(step);

  float acc[kOfWarp / 16][N / 8][4] = {};
  for (int step = 0; step < steps; ++step) {
    copy_wait<kStages - 2>();
    __syncthreads();  // the tiles are here, and the slot of the step before is free
    load(step + kStages - 1);
    add_columns<kOfWarp / 16, N>(acc, wide_tiles + step % kStages * kWideTile + warp * kOfWarp,
                                 thin_tiles + step % kStages * kThinTile<N>);
  }

  float* to = parts.data + blockIdx.y * parts.each;
  each_column<kOfWarp / 16, N>(acc, [&](int column, int t, float sum) {
    const int w = strip + warp * kOfWarp + column;
    if (w < sides.wide_columns && t < sides.thin_columns)
      to[static_cast<int64_t>(w) * parts.wide_step + t * parts.thin_step] = sum;
  });
}

/** What one job of `add_parts_kernel` is, from PartSum. */
struct Sum {
  const float* parts;
  int64_t step, stride;
  void* c;
  int count;
  unsigned size, cols;
  float scale;
  bool accumulate, half;
};

struct Sums {
  Sum of[kMostSums];
};

/** Grid: (256 elements, sum). */
__global__ void __launch_bounds__(kElements) add_parts_kernel(Sums sums) {
  const Sum& sum = sums.of[blockIdx.y];
  const unsigned i = blockIdx.x * kElements + threadIdx.x;
  if (i >= sum.size) return;
  float total = 0;
#pragma unroll 4
  for (int part = 0; part < sum.count; ++part) total += sum.parts[part * sum.step + i];
  total *= sum.scale;
  const int64_t at = static_cast<int64_t>(i / sum.cols) * sum.stride + i % sum.cols;
  if (sum.half) {
    bf16* to = static_cast<bf16*>(sum.c) + at;
    *to = to_bf16(sum.accumulate ? to_float(*to) + total : total);
  } else {
    float* to = static_cast<float*>(sum.c) + at;
    *to = sum.accumulate ? *to + total : total;
  }
}

template <int N>
void multiply(Runtime& runtime, const Sides& sides, unsigned strips, unsigned count, int steps,
              const Parts& parts) {
  launch(runtime, "thin_parts", thin_parts<N>,
         Shape{dim3(strips, count), dim3(kThreads), kShared<N>}, sides, steps, parts);
}

}  // namespace

bool is_thin_product(const MatmulArgs& args) {
  const int64_t thin = args.c.rows < args.c.cols ? args.c.rows : args.c.cols;
  const int64_t wide = args.c.rows < args.c.cols ? args.c.cols : args.c.rows;
  return args.trans_a && !args.trans_b && !args.bias && args.a.dtype == DType::bf16 &&
         args.c.dtype == DType::f32 && thin > 0 && thin <= kThin && wide <= kMostWide &&
         args.a.rows >= kLeastDepth && args.a.rows <= INT32_MAX;
}

void thin_product(Runtime& runtime, const MatmulArgs& args) {
  check_shapes(args);
  const bool wide_rows = args.c.rows > args.c.cols;  // a, and so the rows of c, is the wide side
  const Tensor &wide = wide_rows ? args.a : args.b, &thin = wide_rows ? args.b : args.a;
  const auto W = static_cast<int>(wide.cols), N = static_cast<int>(thin.cols);
  const int64_t strips = (W + kStrip - 1) / kStrip, each = static_cast<int64_t>(W) * N;
  const int64_t steps = (wide.rows + kDeep - 1) / kDeep;
  int64_t count = depth_parts(W, N, wide.rows, runtime.facts().multiprocessors);
  const int64_t steps_each = (steps + count - 1) / count;
  count = (steps + steps_each - 1) / steps_each;

  auto* memory =
      static_cast<float*>(runtime.workspace(static_cast<size_t>(count * each) * sizeof(float)));
  const Sides sides = {source_of(wide), source_of(thin), W, N};
  const Parts parts = {memory, each, wide_rows ? N : 1, wide_rows ? 1 : W};
  const auto make_parts = N <= 16   ? multiply<16>
                          : N <= 32 ? multiply<32>
                          : N <= 48 ? multiply<48>
                                    : multiply<64>;
  make_parts(runtime, sides, static_cast<unsigned>(strips), static_cast<unsigned>(count),
             static_cast<int>(steps_each), parts);
  add_thin_parts(runtime,
                 {{memory, static_cast<int>(count), each, args.c, args.scale, args.accumulate}});
}

void add_thin_parts(Runtime& runtime, std::initializer_list<PartSum> sums) {
  Sums jobs = {};
  unsigned largest = 0, count = 0;
  for (const PartSum& sum : sums) {
    const auto size = static_cast<unsigned>(sum.c.size());
    jobs.of[count++] = {sum.parts,
                        sum.step,
                        sum.c.stride,
                        sum.c.data,
                        sum.count,
                        size,
                        static_cast<unsigned>(sum.c.cols),
                        sum.scale,
                        sum.accumulate,
                        sum.c.dtype == DType::bf16};
    largest = size > largest ? size : largest;
  }
  launch(runtime, "add_thin_parts", add_parts_kernel,
         Shape{dim3((largest + kElements - 1) / kElements, count), dim3(kElements)}, jobs);
}

}  // namespace attune::cuda
