// The decoder's backward pass: each block of decoder.cpp in reverse.
#include <cmath>

#include "model/decoder.h"

namespace attune {

/** d_stream holds the gradient of the final stream and ends as that of the embedding. */
void Decoder::backward(const Pass& pass) {
  const Tensor d_stream = rows(scratch_.d_stream, pass.tokens);
  const Tensor d_input(scratch_.d_input.data, options_.dtype, pass.tokens, spec_.hidden);
  for (int64_t site = 2 * spec_.layers - 1; site >= first_site_; --site) {
    check_interrupt();
    if (site % 2 == 1 && site / 2 < recompute_) recompute(pass, site - 1);
    const Tensor input = recompute_input(pass, site);
    const bool wanted = site > first_site_ || trains_below_;
    if (!spec_.pre_norm) norm_backward(pass, site, d_stream, d_stream, false);
    // Post-norm blocks add straight onto the stream's gradient; pre-norm ones pass their norm.
    Tensor d_x = spec_.pre_norm ? d_input : d_stream;
    if (!wanted) d_x = {};
    if (site % 2 == 0)
      attention_backward(pass, site, input, d_stream, d_x);
    else
      mlp_backward(pass, site, input, d_stream, d_x);
    if (spec_.pre_norm && wanted) norm_backward(pass, site, d_input, d_stream, true);
  }
  if (trains_below_) embed_backward(pass);
}

/** Runs a layer again, as far as its backward pass needs it; `site` is its attention. */
void Decoder::recompute(const Pass& pass, int64_t site) {
  Stream stream;
  stream.x = recompute_input(pass, site);
  stream.delta = attention(pass, site, stream.x);
  if (spec_.pre_norm) stream.x = rows(sum_of(site), pass.tokens);
  project_up(pass, site + 1, norm(pass, spec_.pre_norm ? site + 1 : site, stream));
}

Tensor Decoder::recompute_input(const Pass& pass, int64_t site) {
  if (!spec_.pre_norm && site == 0) return rows(activations_.embedded, pass.tokens);
  const int64_t source = spec_.pre_norm ? site : site - 1;
  Stream stream{rows(sum_of(source), pass.tokens), {}};
  return norm(pass, source, stream);
}

void Decoder::norm_backward(const Pass& pass, int64_t site, Tensor d_y, Tensor d_x,
                            bool accumulate) {
  const Norm& norm = norm_of(site);
  NormBackwardArgs args;
  args.kind = spec_.norm;
  args.d_y = d_y;
  args.sum = rows(sum_of(site), pass.tokens);
  args.d_x = d_x;
  args.weight = norm.weight->value.f32();
  args.stats = stats_of(site);
  args.d_weight = norm.weight->gradient;
  args.d_bias = norm.bias ? norm.bias->gradient : nullptr;
  args.accumulate = accumulate;
  backend_.norm_backward(args);
}

void Decoder::attention_backward(const Pass& pass, int64_t site, Tensor input, Tensor d_y,
                                 Tensor d_x) {
  Layer& layer = this->layer(site);
  LayerActivations& saved = this->saved(site);
  const int64_t T = pass.tokens, rank = options_.adapter.rank;
  LinearBackward out;
  out.x = rows(saved.attended, T);
  out.d_y = d_y;
  out.low = low_of(layer.attention_out, saved.attention_out_low, T, rank);
  out.d_x = rows(scratch_.d_attended, T);
  linear_backward(context(pass, site / 2 * kLinearsOfLayer + 1), layer.attention_out, out);

  const int64_t Q = spec_.query_size(), KV = spec_.kv_size();
  const Tensor qkv = rows(saved.qkv, T), d_qkv = rows(scratch_.d_qkv, T);
  AttentionBackwardArgs args;
  args.q = qkv.columns(0, Q);
  args.k = qkv.columns(Q, KV);
  args.v = qkv.columns(Q + KV, KV);
  args.out = out.x;
  args.d_out = out.d_x;
  args.d_q = d_qkv.columns(0, Q);
  args.d_k = d_qkv.columns(Q, KV);
  args.d_v = d_qkv.columns(Q + KV, KV);
  args.starts = scratch_.segments;
  args.documents = pass.documents;
  args.heads = spec_.heads;
  args.kv_heads = spec_.kv_heads;
  args.head_size = spec_.head_size;
  args.scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_size));
  args.lse = saved.lse;
  args.scratch = scratch_.attention;
  backend_.attention_backward(args);
  if (spec_.rotary) rotate(d_qkv, true);

  LinearBackward in;
  in.x = input;
  in.d_y = d_qkv;
  in.low = low_of(layer.qkv, saved.qkv_low, T, rank);
  in.d_x = d_x;
  in.accumulate = !spec_.pre_norm;
  linear_backward(context(pass, site / 2 * kLinearsOfLayer), layer.qkv, in);
}

void Decoder::mlp_backward(const Pass& pass, int64_t site, Tensor input, Tensor d_y, Tensor d_x) {
  Layer& layer = this->layer(site);
  LayerActivations& saved = this->saved(site);
  const int64_t T = pass.tokens, F = spec_.intermediate, rank = options_.adapter.rank;
  const Tensor up = rows(saved.up, T), hidden = rows(scratch_.hidden, T);
  const LinearContext up_context = context(pass, site / 2 * kLinearsOfLayer + 2);
  const LinearContext down_context = context(pass, site / 2 * kLinearsOfLayer + 3);
  ActivationBackwardArgs args;  // the gradient takes the place of what it was computed from
  args.kind = spec_.activation;
  args.x = args.d_x = up.columns(0, F);
  if (spec_.gated) args.up = args.d_up = up.columns(F, F);
  args.d_out = rows(scratch_.d_hidden, T);
  args.out = hidden;
  args.out_adapter = of_input_backward(down_context, layer.down, d_y);
  if (layer.down.trains() && !args.out_adapter) {  // `down` itself needs its input again
    ActivationArgs forward;
    forward.kind = args.kind;
    forward.x = args.x;
    forward.up = args.up;
    forward.out = hidden;
    backend_.activation(forward);
  }

  LinearBackward down;
  down.x = hidden;
  down.d_y = d_y;
  down.low = low_of(layer.down, saved.down_low, T, rank);
  down.d_x = args.d_out;
  down.input_made = static_cast<bool>(args.out_adapter);
  linear_backward(down_context, layer.down, down);

  LinearBackward in;
  in.x = input;
  in.d_y = up;
  in.low = low_of(layer.up, saved.up_low, T, rank);
  in.d_x = d_x;
  in.accumulate = !spec_.pre_norm;
  in.output_made = true;
  args.x_adapter = of_output(up_context, layer.up, 0, up, in.low);
  if (spec_.gated) args.up_adapter = of_output(up_context, layer.up, 1, up, in.low);
  backend_.activation_backward(args);
  linear_backward(up_context, layer.up, in);
}

void Decoder::embed_backward(const Pass& pass) {
  const Tensor d_stream = rows(scratch_.d_stream, pass.tokens);
  Tensor d_tokens = d_stream;
  if (parameters_.position && parameters_.position->gradient) {
    Parameter& position = *parameters_.position;
    backend_.embedding_backward(
        {scratch_.positions, spec_.position_offset, d_stream,
         Tensor(position.gradient, DType::f32, position.rows, position.cols)});
  }
  Parameter& table = *parameters_.embedding;
  if (spec_.projects()) {
    const Linear& project = parameters_.project_in;
    LinearBackward args;
    args.x = rows(activations_.token_rows, pass.tokens);
    args.d_y = d_stream;
    args.low = low_of(project, activations_.token_low, pass.tokens, options_.adapter.rank);
    if (table.gradient)
      args.d_x = Tensor(scratch_.d_input.data, options_.dtype, pass.tokens, spec_.embedding);
    linear_backward(context(pass, spec_.layers * kLinearsOfLayer), project, args);
    d_tokens = args.d_x;
  }
  if (table.gradient)
    backend_.embedding_backward(
        {scratch_.tokens, 0, d_tokens, Tensor(table.gradient, DType::f32, table.rows, table.cols)});
}

}  // namespace attune
