// How a block holds one row of a matrix: N groups of V columns to a thread, in registers where the
// row fits, else read again for every pass.
#pragma once
#include <type_traits>

#include "backend/cuda/number.h"

namespace attune::cuda {

constexpr int kMostGroups = 4;  // of a thread, in registers

struct RowShape {
  int threads;
  int groups;  // of a thread; 0: the row does not fit
};

/** The fewest warps whose threads hold `cols` columns in at most kMostGroups groups each. */
inline RowShape row_shape(int64_t cols, int vector) {
  const int64_t groups = (cols + vector - 1) / vector;
  int64_t threads = (groups + kMostGroups - 1) / kMostGroups;
  if (groups >= 128 && threads < 128) threads = 128;  // wide rows: more warps, fewer registers
  threads = (threads + kWarp - 1) / kWarp * kWarp;
  if (threads > 1024) return {1024, 0};
  const int64_t each = (groups + threads - 1) / threads;
  return {static_cast<int>(threads < kWarp ? kWarp : threads),
          static_cast<int>(each < 1 ? 1 : each)};
}

/** Calls f with the number of groups as a type: 1, 2, 4, or 0. */
template <class F>
void with_groups(int groups, const F& f) {
  if (groups == 0) return f(std::integral_constant<int, 0>());
  if (groups == 1) return f(std::integral_constant<int, 1>());
  if (groups == 2) return f(std::integral_constant<int, 2>());
  f(std::integral_constant<int, kMostGroups>());
}

}  // namespace attune::cuda
