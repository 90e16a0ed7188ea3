// Rows of a table by index.
//
// Forward   out[t, :] (+)= table[indices[t] + offset, :]
// Backward  d_table[indices[t] + offset, :] += d_out[t, :]
//
// Shapes    indices [T], table [V, C], out and d_out [T, C], d_table [V, C] float32.
// Types     table and out: float32 or bfloat16, independently.
// Writes    out overwritten, or added to where `accumulate`; d_table always accumulated.
// Requires  0 <= indices[t] + offset < V: checked once, when a batch enters the engine.
// Stable    bit-stable: rows that share an index are added in order of t.
#pragma once
#include "core/tensor.h"

namespace attune {

struct EmbeddingArgs {
  const int32_t* indices = nullptr;
  int32_t offset = 0;
  Tensor table, out;
  bool accumulate = false;
};

struct EmbeddingBackwardArgs {
  const int32_t* indices = nullptr;
  int32_t offset = 0;
  Tensor d_out, d_table;
};

/** out[i, :] = x[rows[i], :], one type. */
struct GatherRowsArgs {
  const int32_t* rows = nullptr;
  Tensor x, out;
};

/** out[rows[i], :] = x[i, :], other rows untouched; rows are distinct. */
struct ScatterRowsArgs {
  const int32_t* rows = nullptr;
  Tensor x, out;
};

}  // namespace attune
