#include "model/plan.h"

#include <algorithm>

namespace attune {

int64_t Plan::chunk_rows() const {
  const int64_t fit = (int64_t{64} << 20) / (4 * spec_.vocabulary);
  return std::min(options_.max_tokens, std::clamp<int64_t>(fit, 64, 1024));
}

void Plan::layout(Activations& out, Arena& arena) const {
  const int64_t T = options_.max_tokens, D = spec_.hidden, R = options_.adapter.rank;
  const auto low = [&](const Linear& linear) { return activation(arena, T, linear.adapters * R); };
  if (spec_.projects()) {
    out.token_rows = activation(arena, T, spec_.embedding);
    out.token_low = low(parameters_.project_in);
  }
  out.embedded = activation(arena, T, D);
  out.layers.resize(trains() ? static_cast<size_t>(spec_.layers) : 1);
  const Layer& shape = parameters_.layers[0];
  for (size_t i = 0; i < out.layers.size(); ++i) {
    const Layer& layer = trains() ? parameters_.layers[i] : shape;
    LayerActivations& saved = out.layers[i];
    saved.attention_sum = activation(arena, T, D);
    saved.mlp_sum = activation(arena, T, D);
    saved.attention_stats = arena.floats(2 * T);
    saved.mlp_stats = arena.floats(2 * T);
    saved.qkv = activation(arena, T, layer.qkv.out);
    saved.attended = activation(arena, T, spec_.query_size());
    saved.lse = arena.floats(spec_.heads * T);
    saved.up = activation(arena, T, layer.up.out);
    // Without training the layers share a slot, sized for the layer with most adapters.
    saved.qkv_low = activation(arena, T, trains() ? layer.qkv.adapters * R : 3 * R);
    saved.attention_out_low = activation(arena, T, trains() ? layer.attention_out.adapters * R : R);
    saved.up_low = activation(arena, T, trains() ? layer.up.adapters * R : 2 * R);
    saved.down_low = activation(arena, T, trains() ? layer.down.adapters * R : R);
  }
}

void Plan::layout(Scratch& out, Arena& arena) const {
  const int64_t T = options_.max_tokens, D = spec_.hidden, R = options_.adapter.rank;
  out.tokens = arena.ints(T);
  out.positions = arena.ints(T);
  out.segments = arena.ints(T + 1);
  out.rows = arena.ints(T);
  out.targets = arena.ints(T);
  out.key_starts = arena.ints(2);
  for (float** stat : {&out.loss, &out.nll, &out.entropy, &out.correct}) *stat = arena.floats(T);
  if (spec_.rotary) {
    out.cosine = arena.floats(T * spec_.head_size / 2);
    out.sine = arena.floats(T * spec_.head_size / 2);
  }
  out.stream = activation(arena, T, D);
  out.normed = activation(arena, T, D);
  out.delta = activation(arena, T, D);
  out.hidden = activation(arena, T, spec_.intermediate);

  const int64_t C = out.chunk = chunk_rows();
  out.head_x = activation(arena, C, D);
  out.head_delta = activation(arena, C, D);
  out.head_normed = activation(arena, C, D);
  out.head_stats = arena.floats(2 * C);
  if (spec_.projects()) {
    out.head_out = activation(arena, C, spec_.embedding);
    out.head_low = activation(arena, C, parameters_.project_out.adapters * R);
  }
  out.logits = arena.tensor(DType::f32, C, spec_.vocabulary);

  if (!trains()) return;
  if (options_.adapter.dropout > 0) {
    const int64_t widest = std::max({D, spec_.intermediate, spec_.query_size(), spec_.embedding});
    out.dropped = activation(arena, T, widest);
    out.d_dropped = activation(arena, T, widest);
  }
  out.d_stream = activation(arena, T, D);
  out.d_input = activation(arena, T, std::max(D, spec_.embedding));
  out.d_qkv = activation(arena, T, spec_.query_size() + 2 * spec_.kv_size());
  out.d_attended = activation(arena, T, spec_.query_size());
  out.d_hidden = activation(arena, T, spec_.intermediate);
  out.d_low = activation(arena, T, 3 * R);
  out.d_logits =
      options_.dtype == DType::f32 ? out.logits : arena.tensor(options_.dtype, C, spec_.vocabulary);
  if (spec_.projects()) out.d_head_out = activation(arena, C, spec_.embedding);
  out.d_head_normed = activation(arena, C, D);
  out.d_head_x = activation(arena, C, D);
}

}  // namespace attune
