// Rotary positions, in place: V pairs (i, i + E/2) of a head at a time.
#include "backend/cuda/each.h"
#include "backend/cuda/kernels.h"

namespace attune::cuda {
namespace {

template <class T, int V>
struct RopeBody {
  T* x;
  int64_t stride;
  unsigned half;
  const int32_t* positions;
  const float* cosine;
  const float* sine;
  float sign;
  /** `column` counts pairs: head * half + i. */
  __device__ void operator()(int64_t row, int64_t column) const {
    const auto pair = static_cast<unsigned>(column);
    const unsigned head = pair / half, i = pair % half;
    const int64_t angle = static_cast<int64_t>(positions[row]) * half + i;
    T* low = x + row * stride + 2 * head * half + i;
    float a[V], b[V], c[V], s[V];
    load(a, low);
    load(b, low + half);
    load(c, cosine + angle);
    load(s, sine + angle);
#pragma unroll
    for (int k = 0; k < V; ++k) {
      const float turn = s[k] * sign, first = a[k] * c[k] - b[k] * turn;
      b[k] = b[k] * c[k] + a[k] * turn;
      a[k] = first;
    }
    store(low, a);
    store(low + half, b);
  }
};

template <class T, int V>
void turn(Runtime& runtime, const RopeArgs& args, int64_t half) {
  launch_each<V>(
      runtime, "rope", args.x.rows, args.heads * half,
      RopeBody<T, V>{static_cast<T*>(args.x.data), args.x.stride, static_cast<unsigned>(half),
                     args.positions, args.cosine, args.sine, args.inverse ? -1.0f : 1.0f});
}

}  // namespace

void rope(Runtime& runtime, const RopeArgs& args) {
  if (args.heads == 0) return;
  const int64_t half = args.x.cols / args.heads / 2;
  with_type(args.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int V = kVector<T>;
    const bool wide = vectorizable<T>(args.x.data, args.x.stride) && half % V == 0 &&
                      vectorizable<float>(args.cosine, half) &&
                      vectorizable<float>(args.sine, half);
    wide ? turn<T, V>(runtime, args, half) : turn<T, 1>(runtime, args, half);
  });
}

}  // namespace attune::cuda
