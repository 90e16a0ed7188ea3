// Rotary position embedding. Bound by memory: the two halves of a head are read and written once.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

template <typename T>
void rotate_rows(const RopeArgs& args) {
  const int64_t half = args.x.cols / args.heads / 2;
  const float sign = args.inverse ? -1.0f : 1.0f;
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork)
  for (int64_t t = 0; t < args.x.rows; ++t) {
    const float* cosine = args.cosine + args.positions[t] * half;
    const float* sine = args.sine + args.positions[t] * half;
    T* x = static_cast<T*>(args.x.data) + t * args.x.stride;
    for (int64_t h = 0; h < args.heads; ++h, x += 2 * half) {
      for_lanes(half, [&](int64_t i, auto lanes) {
        const Vec c = load(cosine + i, lanes), s = load(sine + i, lanes) * sign;
        const Vec low = load(x + i, lanes), high = load(x + half + i, lanes);
        store(x + i, low * c - high * s, lanes);
        store(x + half + i, high * c + low * s, lanes);
      });
    }
  }
}

}  // namespace

void Kernels::rope(const RopeArgs& args) {
  if (args.heads == 0) return;
  args.x.dtype == DType::bf16 ? rotate_rows<uint16_t>(args) : rotate_rows<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
