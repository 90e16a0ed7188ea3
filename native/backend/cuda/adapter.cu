// The gradients that an adapter takes of d_y, from one reading of it: d_b += d_y^T low over tokens
// and d_low = scale d_y b over columns.
#include "backend/cuda/thin_kernel.h"

namespace attune::cuda {
namespace {

struct OutputForm : OutputSizes {
  static constexpr bool kMakes = false;
};

/** Of the first rows, as many as one launch takes; their number. 0: the device has no room. */
template <int N>
int64_t some_rows(Runtime& runtime, const AdapterBackwardArgs& args) {
  const AdapterOutput& adapter = args.adapter;
  ThinWork<OutputForm> work = {};
  work.wide[0] = source_of(args.d_y);
  work.thin[0] = source_of(adapter.low);
  work.side[0] = source_of(adapter.b);
  work.columns = static_cast<int>(args.d_y.cols);
  work.rank = static_cast<int>(adapter.low.cols);
  const ThinSplit split = plan_thin<OutputForm, N>(runtime, work);
  if (!split) return 0;
  launch(runtime, "adapter_backward", thin_kernel<OutputForm, N>, shape_of<OutputForm, N>(split),
         work);
  add_thin_parts(runtime, {over_tokens(work, split, 0, adapter.d_b),
                           over_columns(work, split, 0, adapter.d_low, adapter.scale)});
  return work.wide[0].rows;
}

}  // namespace

bool adapter_backward(Runtime& runtime, const AdapterBackwardArgs& args) {
  const int64_t rank = args.adapter.low.cols;
  if (args.d_y.dtype != DType::bf16 || !args.adapter.d_b ||
      !is_thin(args.d_y.rows, args.d_y.cols, rank))
    return false;
  return with_rank(rank, [&](auto n) {
    AdapterBackwardArgs rest = args;
    while (rest.d_y.rows > 0) {
      const int64_t done = some_rows<decltype(n)::value>(runtime, rest);
      if (done == 0) return false;  // at the first rows, or never
      for (Tensor* x : {&rest.d_y, &rest.adapter.low, &rest.adapter.d_low})
        *x = x->row_range(done, x->rows - done);
    }
    return true;
  });
}

}  // namespace attune::cuda
