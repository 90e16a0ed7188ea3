// Cross-entropy of rows of logits: three passes over a row that stays in the second cache. The
// exponentials of the second pass are kept, in the gradient itself where it is float32.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

/** What the first two passes learn of a row. */
struct Row {
  float max, mean;  // of the logits
  float total;      // sum of exp(z - max)
  float weighted;   // sum of exp(z - max) (z - max)
};

constexpr int64_t kBlock = 1024;  // summed apart, so that many small terms are not lost to a sum

/** Calls f(first, size) for each block of a row. */
template <typename F>
void for_blocks(int64_t cols, F f) {
  for (int64_t j = 0; j < cols; j += kBlock) f(j, cols - j < kBlock ? cols - j : kBlock);
}

void find_maximum(const float* z, int64_t cols, Row* row) {
  Vec top = broadcast(-__builtin_inff()), added = {};
  for_blocks(cols, [&](int64_t first, int64_t size) {
    Vec part = {};
    for_lanes(size, [&](int64_t j, auto lanes) {
      const Vec x = load(z + first + j, lanes);
      top = max(top, only(x, lanes, -__builtin_inff()));
      part += x;
    });
    added += part;
  });
  row->max = max_lane(top);
  row->mean = sum(added) / static_cast<float>(cols);
}

/** Sums the exponentials; `kept` (which may be z) receives them unless absent. */
void sum_exponentials(const float* z, int64_t cols, float* kept, Row* row) {
  Vec total = {}, weighted = {};
  for_blocks(cols, [&](int64_t first, int64_t size) {
    Vec part = {}, weighted_part = {};
    for_lanes(size, [&](int64_t j, auto lanes) {
      Vec x = load(z + first + j, lanes) - row->max;
      x = max(broadcast(-104.0f), x);  // exp is 0 there, and 0 times -inf would be NaN
      const Vec e = only(exp_nonpositive(x), lanes);
      if (kept) store(kept + first + j, e, lanes);
      part += e;
      weighted_part += e * x;
    });
    total += part;
    weighted += weighted_part;
  });
  row->total = sum(total);
  row->weighted = sum(weighted);
}

/** 1 when no earlier logit equals the maximum at `target`. */
float first_maximum(const float* z, int64_t target, float max) {
  if (z[target] != max) return 0;
  for (int64_t j = 0; j < target; ++j) {
    if (z[j] == max) return 0;
  }
  return 1;
}

/** gradient = p * factor - shift, and less by `hit` at the target; p = kept / total. */
template <typename T>
void write_gradient(const CrossEntropyArgs& args, int64_t r, const Row& row, const float* kept) {
  const int64_t cols = args.logits.cols, target = args.targets[r];
  T* to = static_cast<T*>(args.gradient.data) + r * args.gradient.stride;
  const bool dft = args.kind == LossKind::dft;
  const float p_target = kept[target] / row.total;
  const float factor = dft ? p_target : 1;
  const float shift = dft ? 0 : args.smoothing / static_cast<float>(cols);
  const float hit = dft ? p_target : 1 - args.smoothing;
  const float at_target = factor * p_target - shift - hit;
  const float scale = factor / row.total;
  for_lanes(cols, [&](int64_t j, auto lanes) {
    store(to + j, load(kept + j, lanes) * scale - shift, lanes);
  });
  store(to + target, broadcast(at_target), Part{1});
}

void write_losses(const CrossEntropyArgs& args, int64_t r, const Row& row, float z_target) {
  const float log_total = __builtin_logf(row.total);
  const float nll = log_total - (z_target - row.max);
  float loss = nll;
  if (args.kind == LossKind::dft) {
    loss = __builtin_expf(-nll) * nll;
  } else if (args.smoothing != 0) {
    loss = (1 - args.smoothing) * nll + args.smoothing * (log_total + (row.max - row.mean));
  }
  if (args.loss) args.loss[r] = loss;
  if (args.nll) args.nll[r] = nll;
  if (args.entropy) args.entropy[r] = log_total - row.weighted / row.total;
}

void cross_entropy_row(const CrossEntropyArgs& args, int64_t r, float* scratch) {
  const int64_t cols = args.logits.cols, target = args.targets[r];
  const float* z = args.logits.f32() + r * args.logits.stride;
  const bool half = args.gradient.dtype == DType::bf16;
  float* kept = nullptr;
  if (args.gradient) kept = half ? scratch : args.gradient.f32() + r * args.gradient.stride;
  Row row;
  find_maximum(z, cols, &row);
  const float z_target = z[target];  // before the gradient overwrites it
  if (args.correct) args.correct[r] = first_maximum(z, target, row.max);
  sum_exponentials(z, cols, kept, &row);
  write_losses(args, r, row, z_target);
  if (kept && half) write_gradient<uint16_t>(args, r, row, kept);
  if (kept && !half) write_gradient<float>(args, r, row, kept);
}

}  // namespace

void Kernels::cross_entropy(const CrossEntropyArgs& args) {
  const bool parallel = args.logits.size() > kParallelWork / 4;
  const int threads = parallel ? max_threads() : 1;
  const bool half = args.gradient && args.gradient.dtype == DType::bf16;
  const int64_t size = half ? padded(args.logits.cols) : 0;
  Scratch scratch(size * threads);
#pragma omp parallel for schedule(static) num_threads(threads) if (parallel)
  for (int64_t r = 0; r < args.logits.rows; ++r) {
    cross_entropy_row(args, r, scratch.data() + size * thread_index());
  }
}

}  // namespace ATTUNE_ISA
}  // namespace attune
