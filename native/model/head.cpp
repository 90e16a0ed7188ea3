#include "model/head.h"

#include <algorithm>

namespace attune {

Head::Chunk Head::forward(const LinearContext& context, const Stream& stream, int64_t first,
                          int64_t count) {
  Chunk chunk{first, count, scratch_.head_x.row_range(0, count), {},
              {},    {},    scratch_.logits.row_range(0, count)};
  GatherRowsArgs gather{scratch_.rows + first, stream.x, chunk.x};
  backend_.gather_rows(gather);
  Tensor delta;
  if (stream.delta) {
    delta = scratch_.head_delta.row_range(0, count);
    backend_.gather_rows({scratch_.rows + first, stream.delta, delta});
  }
  chunk.normed = chunk.x;
  if (spec_.final_norm) {
    NormArgs norm;
    norm.kind = spec_.norm;
    norm.epsilon = spec_.norm_epsilon;
    norm.x = chunk.x;
    norm.delta = delta;
    norm.sum = chunk.x;
    norm.y = chunk.normed = scratch_.head_normed.row_range(0, count);
    norm.weight = parameters_.final_norm.weight->value.f32();
    norm.bias = parameters_.final_norm.bias ? parameters_.final_norm.bias->value.f32() : nullptr;
    norm.stats = scratch_.head_stats;
    backend_.norm(norm);
  } else if (delta) {
    backend_.add({chunk.x, delta, chunk.x});
  }
  chunk.out = chunk.normed;
  if (spec_.projects()) {
    chunk.out = scratch_.head_out.row_range(0, count);
    const Linear& project = parameters_.project_out;
    if (scratch_.head_low)
      chunk.low = Tensor(scratch_.head_low.data, options_.dtype, count,
                         project.adapters * options_.adapter.rank);
    linear_forward(context, project, chunk.normed, chunk.out, chunk.low);
  }
  MatmulArgs product;
  product.a = chunk.out;
  product.b = parameters_.head.weight;
  product.trans_b = true;
  product.c = chunk.logits;
  backend_.matmul(product);
  return chunk;
}

void Head::backward(const LinearContext& context, const Chunk& chunk, Tensor d_logits,
                    Tensor d_stream) {
  const Linear& head = parameters_.head;
  Tensor d_normed = scratch_.d_head_normed.row_range(0, chunk.count);
  const Tensor d_out = spec_.projects() ? scratch_.d_head_out.row_range(0, chunk.count) : d_normed;
  LinearBackward top;
  top.x = chunk.out;
  top.d_y = d_logits;
  top.d_x = d_out;
  linear_backward(context, head, top);
  if (spec_.projects()) {
    LinearBackward projection;
    projection.x = chunk.normed;
    projection.d_y = d_out;
    projection.low = chunk.low;
    projection.d_x = d_normed;
    linear_backward(context, parameters_.project_out, projection);
  }
  Tensor d_x = d_normed;
  if (spec_.final_norm) {
    const Norm& final_norm = parameters_.final_norm;
    NormBackwardArgs norm;
    norm.kind = spec_.norm;
    norm.d_y = d_normed;
    norm.sum = chunk.x;
    norm.d_x = d_x = scratch_.d_head_x.row_range(0, chunk.count);
    norm.weight = final_norm.weight->value.f32();
    norm.stats = scratch_.head_stats;
    norm.d_weight = final_norm.weight->gradient;
    norm.d_bias = final_norm.bias ? final_norm.bias->gradient : nullptr;
    backend_.norm_backward(norm);
  }
  backend_.scatter_rows({scratch_.rows + chunk.first, d_x, d_stream});
}

void Head::losses(const LinearContext& context, const Stream& stream, const Supervised& supervised,
                  Tensor d_stream) {
  const auto total = static_cast<int64_t>(supervised.rows.size());
  const size_t bytes = supervised.rows.size() * sizeof(int32_t);
  backend_.upload(scratch_.rows, supervised.rows.data(), bytes);
  backend_.upload(scratch_.targets, supervised.targets.data(), bytes);
  if (d_stream)
    backend_.zero(d_stream.data,
                  static_cast<size_t>(d_stream.rows * d_stream.stride) * size_of(d_stream.dtype));
  for (int64_t first = 0; first < total; first += scratch_.chunk) {
    LinearContext own = context;
    own.stream += static_cast<uint64_t>(first) << 40;  // each chunk drops its own elements
    const Chunk chunk = forward(own, stream, first, std::min(scratch_.chunk, total - first));
    CrossEntropyArgs loss;
    loss.kind = options_.loss;
    loss.smoothing = options_.label_smoothing;
    loss.logits = chunk.logits;
    loss.targets = scratch_.targets + first;
    loss.loss = scratch_.loss + first;
    loss.nll = scratch_.nll + first;
    loss.entropy = scratch_.entropy + first;
    loss.correct = scratch_.correct + first;
    if (d_stream) loss.gradient = scratch_.d_logits.row_range(0, chunk.count);
    backend_.cross_entropy(loss);
    if (d_stream) backward(own, chunk, loss.gradient, d_stream);
  }
}

BatchSums Head::sums(int64_t count, std::vector<float>* nll) {
  const float* tensors[4] = {scratch_.loss, scratch_.nll, scratch_.entropy, scratch_.correct};
  double results[4];
  backend_.sums({tensors, 4, count, results});
  if (nll) {
    nll->resize(static_cast<size_t>(count));
    backend_.download(nll->data(), scratch_.nll, nll->size() * sizeof(float));
  }
  return {results[0], results[1], results[2], results[3], count};
}

std::vector<float> Head::logits(const LinearContext& context, const Stream& stream,
                                const std::vector<int32_t>& rows) {
  const auto total = static_cast<int64_t>(rows.size());
  std::vector<float> result(static_cast<size_t>(total * spec_.vocabulary));
  backend_.upload(scratch_.rows, rows.data(), rows.size() * sizeof(int32_t));
  for (int64_t first = 0; first < total; first += scratch_.chunk) {
    const Chunk chunk = forward(context, stream, first, std::min(scratch_.chunk, total - first));
    backend_.download(result.data() + first * spec_.vocabulary, chunk.logits.data,
                      static_cast<size_t>(chunk.logits.size()) * sizeof(float));
  }
  return result;
}

}  // namespace attune
