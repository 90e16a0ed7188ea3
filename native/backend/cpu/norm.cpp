// Normalisation of rows. Bound by memory: a row stays in the first cache between its passes.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

template <typename T>
T* row_of(const Tensor& x, int64_t row) {
  return static_cast<T*>(x.data) + row * x.stride;
}

/** Mean and reciprocal standard deviation of a row as stored. */
template <typename T>
void row_stats(const NormArgs& args, const T* s, float* stats) {
  const int64_t cols = args.x.cols;
  const float scale = 1.0f / static_cast<float>(cols);
  float mean = 0;
  if (args.kind == NormKind::layer) {
    Vec total = {};
    for_lanes(cols, [&](int64_t j, auto lanes) { total += load(s + j, lanes); });
    mean = sum(total) * scale;
  }
  Vec squares = {};
  for_lanes(cols, [&](int64_t j, auto lanes) {
    const Vec centred = only(load(s + j, lanes) - mean, lanes);
    squares += centred * centred;
  });
  stats[0] = mean;
  stats[1] = 1.0f / __builtin_sqrtf(sum(squares) * scale + args.epsilon);
}

template <typename T>
void norm_row(const NormArgs& args, int64_t t) {
  const int64_t cols = args.x.cols;
  const T* x = row_of<T>(args.x, t);
  const T* s = x;
  if (args.sum) {
    T* to = row_of<T>(args.sum, t);
    const T* delta = args.delta ? row_of<T>(args.delta, t) : nullptr;
    if (delta || to != x) {
      for_lanes(cols, [&](int64_t j, auto lanes) {
        Vec value = load(x + j, lanes);
        if (delta) value += load(delta + j, lanes);
        store(to + j, value, lanes);
      });
    }
    s = to;
  }
  float stats[2];
  row_stats(args, s, stats);
  if (args.stats) memcpy(args.stats + 2 * t, stats, sizeof stats);
  T* y = row_of<T>(args.y, t);
  for_lanes(cols, [&](int64_t j, auto lanes) {
    Vec value = (load(s + j, lanes) - stats[0]) * stats[1];
    if (args.weight) value *= load(args.weight + j, lanes);
    if (args.bias) value += load(args.bias + j, lanes);
    store(y + j, value, lanes);
  });
}

template <typename T>
void norm_rows(const NormArgs& args) {
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork)
  for (int64_t t = 0; t < args.x.rows; ++t) norm_row<T>(args, t);
}

/** The gradient of a row; d_weight and d_bias are the calling thread's partial sums, or absent. */
template <typename T>
void backward_row(const NormBackwardArgs& args, int64_t t, float* d_weight, float* d_bias) {
  const int64_t cols = args.d_y.cols;
  const T* d_y = row_of<T>(args.d_y, t);
  const T* s = row_of<T>(args.sum, t);
  const float mean = args.stats[2 * t], rstd = args.stats[2 * t + 1];
  Vec total_g = {}, total_gn = {};
  for_lanes(cols, [&](int64_t j, auto lanes) {
    const Vec d = load(d_y + j, lanes);
    const Vec n = (load(s + j, lanes) - mean) * rstd;
    const Vec g = args.weight ? d * load(args.weight + j, lanes) : d;
    total_g += g;
    total_gn += g * n;
    if (d_weight) store(d_weight + j, load(d_weight + j, lanes) + d * n, lanes);
    if (d_bias) store(d_bias + j, load(d_bias + j, lanes) + d, lanes);
  });
  if (!args.d_x) return;
  const float scale = 1.0f / static_cast<float>(cols);
  const float mean_g = args.kind == NormKind::layer ? sum(total_g) * scale : 0;
  const float mean_gn = sum(total_gn) * scale;
  T* d_x = row_of<T>(args.d_x, t);
  for_lanes(cols, [&](int64_t j, auto lanes) {
    const Vec d = load(d_y + j, lanes);
    const Vec n = (load(s + j, lanes) - mean) * rstd;
    const Vec g = args.weight ? d * load(args.weight + j, lanes) : d;
    Vec value = rstd * (g - mean_g - n * mean_gn);
    if (args.accumulate) value += load(d_x + j, lanes);
    store(d_x + j, value, lanes);
  });
}

/** target[j] += the threads' partial sums, in the order of the threads. */
void add_partials(float* target, const float* partials, int64_t row, int team, int64_t cols) {
  for_lanes(cols, [&](int64_t j, auto lanes) {
    Vec total = load(partials + j, lanes);
    for (int i = 1; i < team; ++i) total += load(partials + i * row + j, lanes);
    store(target + j, load(target + j, lanes) + total, lanes);
  });
}

template <typename T>
void backward_rows(const NormBackwardArgs& args) {
  const int64_t cols = args.d_y.cols, row = 2 * padded(cols);
  const bool parallel = args.d_y.size() > kParallelWork, sums = args.d_weight || args.d_bias;
  const int threads = parallel ? max_threads() : 1;
  Scratch scratch(sums ? row * threads : 0);
  int team = 1;
#pragma omp parallel num_threads(threads) if (parallel)
  {
    float* partials = scratch.data() + row * thread_index();
    if (sums) memset(partials, 0, static_cast<size_t>(row) * 4);
    float* d_weight = args.d_weight ? partials : nullptr;
    float* d_bias = args.d_bias ? partials + row / 2 : nullptr;
    const Range rows = share(args.d_y.rows);
    for (int64_t t = rows.begin; t < rows.end; ++t) backward_row<T>(args, t, d_weight, d_bias);
    if (thread_index() == 0) team = team_size();
  }
  if (args.d_weight) add_partials(args.d_weight, scratch.data(), row, team, cols);
  if (args.d_bias) add_partials(args.d_bias, scratch.data() + row / 2, row, team, cols);
}

template <typename T>
void add_rows(const AddArgs& args) {
#pragma omp parallel for schedule(static) if (args.out.size() > kParallelWork)
  for (int64_t i = 0; i < args.out.rows; ++i) {
    const T* a = row_of<T>(args.a, i);
    const T* b = row_of<T>(args.b, i);
    T* out = row_of<T>(args.out, i);
    for_lanes(args.out.cols, [&](int64_t j, auto lanes) {
      store(out + j, load(a + j, lanes) + load(b + j, lanes), lanes);
    });
  }
}

}  // namespace

void Kernels::norm(const NormArgs& args) {
  args.x.dtype == DType::bf16 ? norm_rows<uint16_t>(args) : norm_rows<float>(args);
}

void Kernels::norm_backward(const NormBackwardArgs& args) {
  args.d_y.dtype == DType::bf16 ? backward_rows<uint16_t>(args) : backward_rows<float>(args);
}

void Kernels::add(const AddArgs& args) {
  args.out.dtype == DType::bf16 ? add_rows<uint16_t>(args) : add_rows<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
