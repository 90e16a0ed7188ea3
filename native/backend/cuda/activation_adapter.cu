// The gated activation with what the adapters beside it take: forward, low of the product that
// follows; backward, the gradients of the adapters whose outputs x and up are, and of the A of the
// one whose input `out` is, which is made again on the way and never written.
#include "backend/cuda/activation_slope.h"
#include "backend/cuda/thin_kernel.h"

namespace attune::cuda {
namespace {

/** Calls f(place in the tile, row, column) for the groups of 8 columns that are a thread's. */
template <int Threads, class F>
__device__ __forceinline__ void each_group(int first_row, int first_column, const F& f) {
  constexpr int kGroups = kStrip / 8;
#pragma unroll
  for (int g = static_cast<int>(threadIdx.x); g < kDeep * kGroups; g += Threads) {
    const int row = g / kGroups, column = g % kGroups * 8;
    f(row * kTileStride<kStrip> + column, first_row + row, first_column + column);
  }
}

/** Tiles of x and up; that of x becomes `out`. */
struct ForwardForm : ActivationSizes {
  static constexpr bool kMakes = true;

  Activation kind;
  bf16* out;
  int64_t stride;

  template <int Threads, Activation kKind>
  __device__ __forceinline__ void make(bf16* tiles, int first_row, int rows, int first_column,
                                       int columns) const {
    each_group<Threads>(first_row, first_column, [&](int at, int row, int column) {
      float value[8], factor[8];
      load(value, tiles + at);
      load(factor, tiles + kWideTile + at);
#pragma unroll
      for (int i = 0; i < 8; ++i) value[i] = activate<kKind>(value[i]).value * factor[i];
      store(tiles + at, value);
      if (row < rows && column < columns) store(out + row * stride + column, value);
    });
  }
  template <int Threads>
  __device__ __forceinline__ void begin(bf16* tiles, int first_row, int rows, int first_column,
                                        int columns) const {
    with_kind(kind, [&](auto k) {
      make<Threads, decltype(k)::value>(tiles, first_row, rows, first_column, columns);
    });
  }
};

/** Tiles of x, up and d_out, which become d_x, d_up and out. */
struct BackwardForm : ActivationBackwardSizes {
  static constexpr bool kMakes = true;

  Activation kind;
  bf16* d_x;
  bf16* d_up;
  int64_t x_stride, up_stride;

  template <int Threads, Activation kKind>
  __device__ __forceinline__ void make(bf16* tiles, int first_row, int rows, int first_column,
                                       int columns) const {
    each_group<Threads>(first_row, first_column, [&](int at, int row, int column) {
      float x[8], up[8], d_out[8], out[8];
      load(x, tiles + at);
      load(up, tiles + kWideTile + at);
      load(d_out, tiles + 2 * kWideTile + at);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const Slope slope = activate<kKind>(x[i]);
        out[i] = slope.value * up[i];
        x[i] = d_out[i] * up[i] * slope.slope;
        up[i] = d_out[i] * slope.value;
      }
      store(tiles + at, x);
      store(tiles + kWideTile + at, up);
      store(tiles + 2 * kWideTile + at, out);
      if (row >= rows || column >= columns) return;
      store(d_x + row * x_stride + column, x);
      store(d_up + row * up_stride + column, up);
    });
  }
  template <int Threads>
  __device__ __forceinline__ void begin(bf16* tiles, int first_row, int rows, int first_column,
                                        int columns) const {
    with_kind(kind, [&](auto k) {
      make<Threads, decltype(k)::value>(tiles, first_row, rows, first_column, columns);
    });
  }
};

bool aligned(std::initializer_list<Tensor> matrices) {
  for (const Tensor& x : matrices)
    if (x.cols % 8 != 0 || !vectorizable<bf16>(x.data, x.stride)) return false;
  return true;
}

template <int N>
int64_t forward_rows(Runtime& runtime, const ActivationArgs& args) {
  ThinWork<ForwardForm> work = {};
  work.wide[0] = source_of(args.x);
  work.wide[1] = source_of(args.up);
  work.side[0] = source_of(args.adapter.a);
  work.columns = static_cast<int>(args.x.cols);
  work.rank = static_cast<int>(args.adapter.low.cols);
  work.form.kind = args.kind;
  work.form.out = static_cast<bf16*>(args.out.data);
  work.form.stride = args.out.stride;
  const ThinSplit split = plan_thin<ForwardForm, N>(runtime, work);
  if (!split) return 0;
  launch(runtime, "activation_low", thin_kernel<ForwardForm, N>, shape_of<ForwardForm, N>(split),
         work);
  add_thin_parts(runtime, {over_columns(work, split, 0, args.adapter.low, args.adapter.scale)});
  return work.wide[0].rows;
}

template <int N>
int64_t backward_rows(Runtime& runtime, const ActivationBackwardArgs& args) {
  const AdapterOutput &x = args.x_adapter, &up = args.up_adapter;
  const AdapterInputBackward& out = args.out_adapter;
  ThinWork<BackwardForm> work = {};
  const Tensor* wide[] = {&args.x, &args.up, &args.d_out};
  const Tensor* thin[] = {&x.low, &up.low, &out.d_low};
  for (int i = 0; i < 3; ++i) {
    work.wide[i] = source_of(*wide[i]);
    work.thin[i] = source_of(*thin[i]);
  }
  work.side[0] = source_of(x.b);
  work.side[1] = source_of(up.b);
  work.transposed[2] = true;
  work.columns = static_cast<int>(args.x.cols);
  work.rank = static_cast<int>(x.low.cols);
  work.form.kind = args.kind;
  work.form.d_x = static_cast<bf16*>(args.d_x.data);
  work.form.d_up = static_cast<bf16*>(args.d_up.data);
  work.form.x_stride = args.d_x.stride;
  work.form.up_stride = args.d_up.stride;
  const ThinSplit split = plan_thin<BackwardForm, N>(runtime, work);
  if (!split) return 0;
  launch(runtime, "activation_backward_adapters", thin_kernel<BackwardForm, N>,
         shape_of<BackwardForm, N>(split), work);
  add_thin_parts(runtime, {over_tokens(work, split, 0, x.d_b), over_tokens(work, split, 1, up.d_b),
                           over_tokens(work, split, 2, out.d_a),
                           over_columns(work, split, 0, x.d_low, x.scale),
                           over_columns(work, split, 1, up.d_low, up.scale)});
  return work.wide[0].rows;
}

}  // namespace

bool activation_low(Runtime& runtime, const ActivationArgs& args) {
  const int64_t rank = args.adapter.low.cols;
  if (args.x.dtype != DType::bf16 || !args.up || !is_thin(args.x.rows, args.x.cols, rank) ||
      !aligned({args.x, args.up, args.out}))
    return false;
  return with_rank(rank, [&](auto n) {
    ActivationArgs rest = args;
    while (rest.x.rows > 0) {
      const int64_t done = forward_rows<decltype(n)::value>(runtime, rest);
      if (done == 0) return false;  // at the first rows, or never
      for (Tensor* x : {&rest.x, &rest.up, &rest.out, &rest.adapter.low})
        *x = x->row_range(done, x->rows - done);
    }
    return true;
  });
}

bool activation_backward_adapters(Runtime& runtime, const ActivationBackwardArgs& args) {
  const AdapterOutput &x = args.x_adapter, &up = args.up_adapter;
  const AdapterInputBackward& out = args.out_adapter;
  const bool all = x && up && out && x.d_b && up.d_b;
  if (!all || args.x.dtype != DType::bf16) return false;
  const int64_t rank = x.low.cols;
  if (up.low.cols != rank || out.d_low.cols != rank || !is_thin(args.x.rows, args.x.cols, rank) ||
      !aligned({args.x, args.up, args.d_out, args.d_x, args.d_up}))
    return false;
  return with_rank(rank, [&](auto n) {
    ActivationBackwardArgs rest = args;
    while (rest.x.rows > 0) {
      const int64_t done = backward_rows<decltype(n)::value>(runtime, rest);
      if (done == 0) return false;  // at the first rows, or never
      for (Tensor* x : {&rest.x, &rest.up, &rest.d_out, &rest.d_x, &rest.d_up, &rest.x_adapter.low,
                        &rest.x_adapter.d_low, &rest.up_adapter.low, &rest.up_adapter.d_low,
                        &rest.out_adapter.d_low})
        *x = x->row_range(done, x->rows - done);
    }
    return true;
  });
}

}  // namespace attune::cuda
