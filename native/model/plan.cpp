#include "model/plan.h"

#include <algorithm>

namespace attune {

Plan::Plan(const ModelSpec& spec, const EngineOptions& options, const Parameters& parameters,
           Backend& backend, int64_t recompute)
    : spec_(spec),
      options_(options),
      parameters_(parameters),
      backend_(backend),
      recompute_(recompute) {
  const auto widest = [&](const Linear& linear) {
    room_ = std::max(room_, linear.adapters * options_.adapter.rank);
  };
  widest(parameters_.project_in);
  widest(parameters_.project_out);
  for (const Layer& layer : parameters_.layers)
    for (const Linear* linear : {&layer.qkv, &layer.attention_out, &layer.up, &layer.down})
      widest(*linear);
}

int64_t Plan::chunk_rows() const {
  const auto fit = static_cast<int64_t>(backend_.logits_bytes()) / (4 * spec_.vocabulary);
  return std::min(options_.max_tokens, std::clamp<int64_t>(fit, 64, 4096));
}

void Plan::layout(Activations& out, Arena& arena) const {
  const int64_t T = options_.max_tokens, D = spec_.hidden, R = options_.adapter.rank;
  if (spec_.projects()) {
    out.token_rows = roomy(arena, T, spec_.embedding);
    if (trains()) out.token_low = activation(arena, T, R);
  }
  out.embedded = roomy(arena, T, D);
  out.layers.resize(trains() ? static_cast<size_t>(spec_.layers) : 1);
  const Layer& shape = parameters_.layers[0];
  // Layers may differ in their adapters: there is room for all.
  const auto low = [&](const Linear& linear) {
    return activation(arena, T, static_cast<int64_t>(linear.members.size()) * R);
  };
  for (size_t i = 0; i < out.layers.size(); ++i) {
    LayerActivations& saved = out.layers[i];
    const bool shares = recompute_ > 0 && i > 0 && static_cast<int64_t>(i) <= recompute_;
    if (shares) saved = out.layers[0];
    if (!shares || spec_.pre_norm) saved.attention_sum = activation(arena, T, D);
    if (!shares || !spec_.pre_norm) saved.mlp_sum = activation(arena, T, D);
    // Small, and not found again by running the layer as far as its `up`.
    saved.mlp_stats = arena.floats(2 * T);
    if (trains()) saved.down_low = low(parameters_.layers[i].down);
    if (shares) continue;
    saved.attention_stats = arena.floats(2 * T);
    saved.qkv = activation(arena, T, shape.qkv.out);
    saved.attended = roomy(arena, T, spec_.query_size());
    saved.lse = arena.floats(spec_.heads * T);
    saved.up = roomy(arena, T, shape.up.out);
    if (!trains()) continue;
    saved.qkv_low = low(shape.qkv);
    saved.attention_out_low = low(shape.attention_out);
    saved.up_low = low(shape.up);
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
  out.stream = roomy(arena, T, D);
  out.normed = roomy(arena, T, D);
  out.delta = activation(arena, T, D);
  out.hidden = roomy(arena, T, spec_.intermediate);

  const int64_t C = out.chunk = chunk_rows();
  out.head_x = roomy(arena, C, D);
  out.head_delta = activation(arena, C, D);
  out.head_normed = roomy(arena, C, D);
  out.head_stats = arena.floats(2 * C);
  if (spec_.projects()) {
    out.head_out = activation(arena, C, spec_.embedding);
    if (trains()) out.head_low = activation(arena, C, R);
  }
  out.logits = arena.tensor(DType::f32, C, spec_.vocabulary);

  if (trains()) layout_backward(out, arena);
}

/** The products of linear.h; those of adapters alone are small. */
size_t Plan::product_scratch(const Linear& linear, Tensor x, Tensor y, Tensor d_y,
                             Tensor d_x) const {
  const int64_t extra = linear.adapters * options_.adapter.rank;
  const int64_t joined = options_.adapter.dropout == 0 ? extra : 0;
  MatmulArgs forward;
  forward.a = x.columns(0, linear.in + extra);
  forward.b = linear.extended.block(0, linear.out, 0, linear.in + extra);
  forward.trans_b = true;
  forward.c = y;
  forward.bias = linear.bias;
  size_t most = backend_.matmul_scratch(forward);
  if (!trains()) return most;
  MatmulArgs input;
  input.a = d_y.columns(0, linear.out + joined);
  input.b = linear.extended.block(0, linear.out + joined, 0, linear.in);
  input.c = d_x.columns(0, linear.in);
  most = std::max(most, backend_.matmul_scratch(input));
  if (!linear.d_weight) return most;
  MatmulArgs weight;
  weight.a = d_y;
  weight.b = x;
  weight.trans_a = weight.accumulate = true;
  weight.c = Tensor(nullptr, DType::f32, linear.out, linear.in);
  return std::max(most, backend_.matmul_scratch(weight));
}

size_t Plan::product_scratch(const Activations& saved, const Scratch& scratch) const {
  const LayerActivations& layer = saved.layers[0];
  const bool projects = spec_.projects();
  size_t most = product_scratch(parameters_.head, projects ? scratch.head_out : scratch.head_normed,
                                scratch.logits, scratch.d_logits,
                                projects ? scratch.d_head_out : scratch.d_head_normed);
  for (const Layer& own : parameters_.layers) {
    const size_t needs[] = {
        product_scratch(own.qkv, scratch.normed, layer.qkv, scratch.d_qkv, scratch.d_input),
        product_scratch(own.attention_out, layer.attended, scratch.delta, scratch.d_stream,
                        scratch.d_attended),
        product_scratch(own.up, scratch.normed, layer.up, layer.up, scratch.d_input),
        product_scratch(own.down, scratch.hidden, scratch.delta, scratch.d_stream,
                        scratch.d_hidden)};
    most = std::max(most, *std::max_element(std::begin(needs), std::end(needs)));
  }
  return most;
}

void Plan::layout_backward(Scratch& out, Arena& arena) const {
  const int64_t T = options_.max_tokens, D = spec_.hidden, C = out.chunk;
  if (options_.adapter.dropout > 0) {
    const int64_t widest = std::max({D, spec_.intermediate, spec_.query_size(), spec_.embedding});
    out.dropped = activation(arena, T, widest);
    out.d_dropped = activation(arena, T, widest);
  }
  out.d_stream = roomy(arena, T, D);
  out.d_input = activation(arena, T, std::max(D, spec_.embedding));
  out.d_qkv = roomy(arena, T, spec_.query_size() + 2 * spec_.kv_size());
  out.d_attended = activation(arena, T, spec_.query_size());
  out.d_hidden = activation(arena, T, spec_.intermediate);
  const size_t bytes = backend_.attention_backward_scratch(T, spec_.heads, spec_.head_size);
  out.attention = arena.floats(static_cast<int64_t>((bytes + 3) / 4));
  out.d_logits =
      options_.dtype == DType::f32 ? out.logits : arena.tensor(options_.dtype, C, spec_.vocabulary);
  if (spec_.projects()) out.d_head_out = roomy(arena, C, spec_.embedding);
  out.d_head_normed = activation(arena, C, D);
  out.d_head_x = activation(arena, C, D);
}

}  // namespace attune
