// Threads and their scratch memory.
#pragma once
#include <cstdint>

#include "backend/cpu/host.h"
#ifdef _OPENMP
#include <omp.h>
#endif

namespace attune {
namespace ATTUNE_ISA {

#ifdef _OPENMP
static inline int max_threads() { return omp_get_max_threads(); }
static inline int team_size() { return omp_get_num_threads(); }
static inline int thread_index() { return omp_get_thread_num(); }
#else
static inline int max_threads() { return 1; }
static inline int team_size() { return 1; }
static inline int thread_index() { return 0; }
#endif

/** Elements to touch below which waking the other threads costs more than they save. */
constexpr int64_t kParallelWork = 1 << 17;
/** The same for the multiplications of a product. */
constexpr int64_t kParallelProduct = 1 << 24;

struct Range {
  int64_t begin, end;
};

/** The share of [0, size) of the calling thread, in multiples of `grain`. */
static inline Range share(int64_t size, int64_t grain = 1) {
  const int64_t grains = (size + grain - 1) / grain, team = team_size(), index = thread_index();
  const int64_t begin = grains * index / team * grain, end = grains * (index + 1) / team * grain;
  return {begin < size ? begin : size, end < size ? end : size};
}

/** Floats for the length of one call, taken before the threads start: taking may throw. */
class Scratch {
 public:
  explicit Scratch(int64_t count) : data_(take_scratch(static_cast<size_t>(count) * 4)) {}
  ~Scratch() { release_scratch(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  float* data() const { return static_cast<float*>(data_); }

 private:
  void* data_;
};

}  // namespace ATTUNE_ISA
}  // namespace attune
