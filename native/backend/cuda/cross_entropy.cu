// Cross-entropy of supervised rows: a block per row. One read finds maximum, sums and entropy
// online, a second writes the gradient, over the logits where they share memory. Bytes of a row of
// V: 4 V twice read (the second time mostly from L2) and 2 V or 4 V written.
#include <cfloat>

#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"
#include "backend/cuda/reduce.h"

namespace attune::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kNone = 0x7fffffff;

template <class G>
struct Rows {
  const float* logits;
  G* gradient;  // absent: none is formed
  int64_t logits_stride, gradient_stride, size;
  const int32_t* targets;
  float* loss;
  float* nll;
  float* entropy;
  float* correct;
  float smoothing;
  bool dft;
};

/** Of the logits z seen so far, with e = exp(z - most): sums of e, of e (z - most), and of z. */
struct Online {
  float most, sum, weighted, plain;
  int first;  // column of the first maximum

  __device__ __forceinline__ void add(float z, int column) {
    plain += z;
    if (z > most) {
      rescale(z);
      most = z;
      first = column;
    }
    const float shifted = z - most, e = expf(shifted);
    sum += e;
    weighted += e > 0.0f || e != e ? e * shifted : 0.0f;  // a logit of -infinity
  }
  /** To a greater maximum. */
  __device__ __forceinline__ void rescale(float to) {
    if (sum == 0.0f) return;
    const float shift = most - to, factor = expf(shift);
    weighted = factor > 0.0f ? (weighted + sum * shift) * factor : 0.0f;
    sum *= factor;
  }
};

template <class G, int V>
__global__ void __launch_bounds__(kThreads) cross_entropy_kernel(Rows<G> args) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int64_t row = blockIdx.x;
  const float* logits = args.logits + row * args.logits_stride;
  const int target = args.targets[row];
  const float at_target = logits[target];
  Online own = {-FLT_MAX, 0, 0, 0, kNone};
  const int64_t begin = static_cast<int64_t>(threadIdx.x) * V, step = kThreads * V;
#pragma unroll 4
  for (int64_t column = begin; column < args.size; column += step) {
    float z[V];
    load(z, logits + column);
#pragma unroll
    for (int i = 0; i < V; ++i) own.add(z[i], static_cast<int>(column) + i);
  }
  const float most = block_max(own.most, shared);
  const int first =
      -block_max(own.most == most ? -own.first : -kNone, reinterpret_cast<int*>(shared));
  if (own.most != most) own.rescale(most);
  float sums[3] = {own.sum, own.weighted, own.plain};
  block_reduce<Sum>(sums, shared);
  const float log_sum = logf(sums[0]), size = static_cast<float>(args.size);
  const float nll = log_sum + most - at_target;
  const float p_target = expf(-nll);
  if (threadIdx.x == 0) {
    const float smoothed = log_sum + most - sums[2] / size;
    const float loss =
        args.dft ? p_target * nll : (1.0f - args.smoothing) * nll + args.smoothing * smoothed;
    if (args.loss) args.loss[row] = loss;
    if (args.nll) args.nll[row] = nll;
    if (args.entropy) args.entropy[row] = log_sum - sums[1] / sums[0];
    if (args.correct) args.correct[row] = first == target ? 1.0f : 0.0f;
  }
  if (!args.gradient) return;
  // Every thread has read the target's logit before any is overwritten: the reductions wait.
  const float scale = args.dft ? p_target : 1.0f, inverse = 1.0f / sums[0];
  const float spread = args.dft ? 0.0f : args.smoothing / size;
  const float hit = args.dft ? 1.0f : 1.0f - args.smoothing;
  G* gradient = args.gradient + row * args.gradient_stride;
#pragma unroll 4
  for (int64_t column = begin; column < args.size; column += step) {
    float z[V];
    load(z, logits + column);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const float p = expf(z[i] - most) * inverse;
      z[i] = scale * (p - (column + i == target ? hit : 0.0f)) - spread;
    }
    store(gradient + column, z);
  }
}

}  // namespace

void cross_entropy(Runtime& runtime, const CrossEntropyArgs& args) {
  with_type(args.gradient ? args.gradient.dtype : DType::f32, [&](auto type) {
    using G = decltype(type);
    const Rows<G> rows = {args.logits.f32(),  static_cast<G*>(args.gradient.data),
                          args.logits.stride, args.gradient.stride,
                          args.logits.cols,   args.targets,
                          args.loss,          args.nll,
                          args.entropy,       args.correct,
                          args.smoothing,     args.kind == LossKind::dft};
    const bool wide = args.logits.cols % 4 == 0 &&
                      vectorizable<float>(args.logits.data, args.logits.stride) &&
                      vectorizable<G>(args.gradient.data, args.gradient.stride);
    const Shape shape{dim3(static_cast<unsigned>(args.logits.rows)), dim3(kThreads),
                      3 * kWarp * sizeof(float)};
    wide ? launch(runtime, "cross_entropy", cross_entropy_kernel<G, 4>, shape, rows)
         : launch(runtime, "cross_entropy", cross_entropy_kernel<G, 1>, shape, rows);
  });
}

}  // namespace attune::cuda
