#include "machine.h"

#include <time.h>

#include <cstdint>
#include <cstring>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace attune::bench {
namespace {

int thread_count() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

constexpr int kChains = 12;  // independent sums: enough to hide the latency of an addition
constexpr int64_t kSteps = 4000000;

/** Multiply-adds in kChains registers of `Vec`; the sum keeps the compiler from dropping them. */
#define ATTUNE_CHAINS(name, bytes, attribute)                       \
  attribute static float name() {                                   \
    typedef float Vec __attribute__((vector_size(bytes)));          \
    Vec chain[kChains];                                             \
    for (int i = 0; i < kChains; ++i) chain[i] = Vec{} + 1e-3f * i; \
    const Vec scale = Vec{} + 0.999f, shift = Vec{} + 1e-6f;        \
    for (int64_t step = 0; step < kSteps; ++step) {                 \
      _Pragma("GCC unroll 12") for (int i = 0; i < kChains; ++i) {  \
        chain[i] = chain[i] * scale + shift;                        \
      }                                                             \
    }                                                               \
    for (int i = 1; i < kChains; ++i) chain[0] += chain[i];         \
    return chain[0][0];                                             \
  }

ATTUNE_CHAINS(chains_portable, 16, )
#ifdef ATTUNE_X86
ATTUNE_CHAINS(chains_avx2, 32, __attribute__((target("avx2,fma"))))
ATTUNE_CHAINS(chains_avx512, 64, __attribute__((target("avx512f,fma,prefer-vector-width=512"))))
#endif

double time_chains(float (*chains)()) {
  double best = 1e9;
  volatile float kept = 0;
  for (int round = 0; round < 5; ++round) {
    const double start = now();
#pragma omp parallel
    kept = chains();
    const double seconds = now() - start;
    if (seconds < best) best = seconds;
  }
  static_cast<void>(kept);
  return best;
}

}  // namespace

double now() {
  timespec time;
  clock_gettime(thread_count() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double peak_gflops() {
  float (*chains)() = chains_portable;
  double lanes = 4;
#ifdef ATTUNE_X86
  if (__builtin_cpu_supports("avx512f")) {
    chains = chains_avx512;
    lanes = 16;
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    chains = chains_avx2;
    lanes = 8;
  }
#endif
  const double flops = 2 * lanes * kChains * static_cast<double>(kSteps) * thread_count();
  return flops / time_chains(chains) / 1e9;
}

double copy_bandwidth() {
  const size_t each = size_t{64} << 20;
  const int threads = thread_count();
  std::vector<uint8_t> from(each * static_cast<size_t>(threads), 1), to(from.size());
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const double start = now();
#pragma omp parallel for schedule(static)
    for (int i = 0; i < threads; ++i) {
      std::memcpy(to.data() + each * static_cast<size_t>(i),
                  from.data() + each * static_cast<size_t>(i), each);
    }
    const double seconds = now() - start;
    if (seconds < best) best = seconds;
  }
  return 2 * static_cast<double>(from.size()) / best / 1e9;
}

}  // namespace attune::bench
