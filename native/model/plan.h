// Every buffer of a step besides the parameters, placed before the first one runs.
//
// Each layer keeps what its backward pass needs. Where memory is short the lowest `recompute + 1`
// layers share one set of buffers and keep only the stream that entered them (or, post-norm, left
// them): the backward pass runs them again. The uppermost of these still finds its own.
#pragma once
#include <vector>

#include "backend/backend.h"
#include "core/arena.h"
#include "model/params.h"

namespace attune {

/** What the backward pass needs of one layer; norms and activations are computed again from it. */
struct LayerActivations {
  // The input of each norm (the residual stream there) and its statistics, [T, D] and [T, 2].
  Tensor attention_sum, mlp_sum;
  float* attention_stats = nullptr;
  float* mlp_stats = nullptr;
  Tensor qkv;       // [T, (H + 2K) E], rotated
  Tensor attended;  // [T, H E]
  float* lse = nullptr;
  Tensor up;  // [T, F], or [T, 2F] gate and up side by side
  // scale * x A^T of each Linear, [T, adapters * R]
  Tensor qkv_low, attention_out_low, up_low, down_low;
};

struct Activations {
  std::vector<LayerActivations> layers;  // one per layer in training, else a single one
  Tensor token_rows;                     // [T, embedding] before project_in, where there is one
  Tensor token_low;                      // x A^T of project_in
  Tensor embedded;                       // [T, D], the stream that enters the first layer

  LayerActivations& layer(int64_t index) {
    return layers[layers.size() == 1 ? 0 : static_cast<size_t>(index)];
  }
};

/** Buffers that live within one layer or one chunk of the head. */
struct Scratch {
  int32_t *tokens = nullptr, *positions = nullptr, *segments = nullptr;  // the batch, on the device
  int32_t *rows = nullptr, *targets = nullptr;  // supervised positions and their targets
  int32_t* key_starts = nullptr;                // [0, cached tokens] while decoding
  float *cosine = nullptr, *sine = nullptr;     // [max_tokens, E/2]
  Tensor stream, normed, delta, hidden;         // [T, D] x 3, [T, F]
  // backward
  Tensor d_stream, d_input, d_qkv, d_attended, d_hidden;
  void* attention = nullptr;  // of Backend::attention_backward_scratch
  Tensor dropped, d_dropped;  // [T, widest input], dropout only
  // head, for a chunk of C supervised rows
  int64_t chunk = 0;
  Tensor head_x, head_delta, head_normed, head_out, head_low;
  float* head_stats = nullptr;
  Tensor logits, d_logits, d_head_out, d_head_normed, d_head_x;
  float *loss = nullptr, *nll = nullptr, *entropy = nullptr, *correct = nullptr;  // [T] each
};

class Plan {
 public:
  /** `recompute`: layers that the backward pass runs again, fewer than all. */
  Plan(const ModelSpec& spec, const EngineOptions& options, const Parameters& parameters,
       Backend& backend, int64_t recompute);

  void layout(Activations&, Arena&) const;
  void layout(Scratch&, Arena&) const;

  /** The most that a product of a step takes beside its operands (Backend::matmul_scratch). */
  size_t product_scratch(const Activations&, const Scratch&) const;

  /** Rows of supervised positions that meet the head at a time. */
  int64_t chunk_rows() const;

 private:
  Tensor activation(Arena& arena, int64_t rows, int64_t cols) const {
    return arena.tensor(options_.dtype, rows, cols);
  }
  /** With room behind its rows for the adapters' part (linear.h). */
  Tensor roomy(Arena& arena, int64_t rows, int64_t cols) const {
    return arena.roomy(options_.dtype, rows, cols, room_);
  }
  bool trains() const { return options_.method != Method::none; }
  void layout_backward(Scratch&, Arena&) const;
  size_t product_scratch(const Linear&, Tensor x, Tensor y, Tensor d_y, Tensor d_x) const;

  const ModelSpec& spec_;
  const EngineOptions& options_;
  const Parameters& parameters_;
  Backend& backend_;
  const int64_t recompute_;
  int64_t room_ = 0;
};

}  // namespace attune
