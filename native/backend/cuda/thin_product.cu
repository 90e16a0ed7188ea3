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
#include "backend/cuda/tile.h"
#include "backend/shapes.h"

namespace attune::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kStrip = 128, kOfWarp = kStrip / kWarps, kDeep = 32, kStages = 4;
constexpr int64_t kThin = 64, kLeastDepth = 256, kMostWide = 1 << 17;
constexpr int64_t kLeastSteps = 4;   // of a part
constexpr int64_t kBlocks = 3;       // of a multiprocessor
constexpr unsigned kElements = 256;  // of a block that adds parts

constexpr int kWideTile = kDeep * kTileStride<kStrip>;
template <int N>
constexpr int kThinTile = kDeep* kTileStride<N>;
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
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
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
    const bf16* wide = wide_tiles + step % kStages * kWideTile + warp * kOfWarp;
    const bf16* thin = thin_tiles + step % kStages * kThinTile<N>;
#pragma unroll
    for (int k = 0; k < kDeep; k += 16) {
      uint32_t left[kOfWarp / 16][4];
#pragma unroll
      for (int m = 0; m < kOfWarp / 16; ++m) {
        ldmatrix_transposed(left[m], wide + (k + lane % 8 + lane / 16 * 8) * kTileStride<kStrip> +
                                         16 * m + lane / 8 % 2 * 8);
      }
#pragma unroll
      for (int n = 0; n < N / 8; n += 2) {
        uint32_t right[4];
        ldmatrix_transposed(right, thin + (k + lane % 16) * kTileStride<N> + 8 * n + lane / 16 * 8);
        const uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
#pragma unroll
        for (int m = 0; m < kOfWarp / 16; ++m) {
          mma(acc[m][n], left[m], even);
          mma(acc[m][n + 1], left[m], odd);
        }
      }
    }
  }

  float* to = parts.data + blockIdx.y * parts.each;
#pragma unroll
  for (int m = 0; m < kOfWarp / 16; ++m) {
#pragma unroll
    for (int n = 0; n < N / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int w = strip + warp * kOfWarp + 16 * m + lane / 4 + i / 2 * 8;
        const int t = 8 * n + 2 * (lane % 4) + i % 2;
        if (w < sides.wide_columns && t < sides.thin_columns)
          to[static_cast<int64_t>(w) * parts.wide_step + t * parts.thin_step] = acc[m][n][i];
      }
    }
  }
}

/** c (+)= scale * the sum of the parts, which are rows of c without a stride. */
__global__ void __launch_bounds__(kElements)
    add_thin_parts(const float* parts, int count, unsigned each, unsigned cols, float* c,
                   int64_t stride, float scale, bool accumulate) {
  const unsigned i = blockIdx.x * kElements + threadIdx.x;
  if (i >= each) return;
  float total = 0;
#pragma unroll 4
  for (int part = 0; part < count; ++part) total += parts[static_cast<int64_t>(part) * each + i];
  float* to = c + static_cast<int64_t>(i / cols) * stride + i % cols;
  *to = accumulate ? *to + scale * total : scale * total;
}

TileSource source_of(const Tensor& x) {
  return {static_cast<const bf16*>(x.data), x.stride, static_cast<int>(x.rows),
          vectorizable<bf16>(x.data, x.stride)};
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
  // As many parts as fill the device, as the workspace holds, and as have a few steps.
  int64_t count = (kBlocks * runtime.facts().multiprocessors + strips - 1) / strips;
  const auto room = static_cast<int64_t>(Runtime::kWorkspace / sizeof(float)) / each;
  count = count < room ? count : room;
  count = count < steps / kLeastSteps ? count : steps / kLeastSteps;
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
  launch(runtime, "add_thin_parts", add_thin_parts,
         Shape{dim3(static_cast<unsigned>((each + kElements - 1) / kElements)), dim3(kElements)},
         memory, static_cast<int>(count), static_cast<unsigned>(each),
         static_cast<unsigned>(args.c.cols), args.c.f32(), args.c.stride, args.scale,
         args.accumulate);
}

}  // namespace attune::cuda
