#include "layer.h"

namespace attune::bench {

LayerProducts::LayerProducts(Backend& backend, const ModelSpec& spec, const EngineOptions& options,
                             const Layer& layer, int64_t tokens)
    : backend_(backend), spec_(spec), options_(options), layer_(layer), tokens_(tokens) {
  Arena measured;
  place(measured);
  memory_ = backend_.allocate(measured.used());
  Arena placed(memory_);
  place(placed);
}

void LayerProducts::place(Arena& arena) {
  const int64_t rank = options_.adapter.rank;
  const auto wide = [&](int64_t cols) { return arena.roomy(DType::bf16, tokens_, cols, 3 * rank); };
  const auto low = [&](const Linear& linear) {
    return arena.tensor(DType::bf16, tokens_, linear.adapters * rank);
  };
  for (Tensor* x : {&x_, &delta_, &d_x_}) *x = wide(spec_.hidden);
  for (Tensor* x : {&attended_, &d_attended_}) *x = wide(spec_.query_size());
  for (Tensor* x : {&hidden_, &d_hidden_}) *x = wide(spec_.intermediate);
  qkv_ = wide(layer_.qkv.out);
  for (Tensor* x : {&up_, &d_up_}) *x = wide(layer_.up.out);
  qkv_low_ = low(layer_.qkv);
  out_low_ = low(layer_.attention_out);
  up_low_ = low(layer_.up);
  down_low_ = low(layer_.down);
}

void LayerProducts::randomise() {
  uint32_t state = 1;
  for (const Tensor& x : {x_, qkv_, attended_, up_, hidden_, delta_, d_hidden_}) {
    std::vector<uint16_t> row(static_cast<size_t>(x.cols));
    for (int64_t i = 0; i < x.rows; ++i) {
      for (uint16_t& value : row) {
        state = state * 1664525u + 1013904223u;
        value = f32_to_bf16(static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
      }
      backend_.upload(x.row_range(i, 1), row.data());
    }
  }
}

LinearContext LayerProducts::context(bool adapters) const {
  LinearContext context(backend_, options_.adapter.scale, options_.adapter.rank);
  context.adapters = adapters;
  return context;
}

void LayerProducts::attention_forward(bool adapters) {
  linear_forward(context(adapters), layer_.qkv, x_, qkv_, adapters ? qkv_low_ : Tensor());
  linear_forward(context(adapters), layer_.attention_out, attended_, delta_,
                 adapters ? out_low_ : Tensor());
}

void LayerProducts::activation_forward(const AdapterInput& adapter) {
  ActivationArgs args;
  args.kind = spec_.activation;
  args.x = up_.columns(0, spec_.intermediate);
  args.up = up_.columns(spec_.intermediate, spec_.intermediate);
  args.out = hidden_;
  args.adapter = adapter;
  backend_.activation(args);
}

void LayerProducts::mlp_forward(bool adapters) {
  linear_forward(context(adapters), layer_.up, x_, up_, adapters ? up_low_ : Tensor());
  const AdapterInput made = of_input(context(adapters), layer_.down, hidden_);
  activation_forward(made);
  linear_forward(context(adapters), layer_.down, hidden_, delta_, adapters ? down_low_ : Tensor(),
                 static_cast<bool>(made));
}

void LayerProducts::attention_backward(bool adapters) {
  LinearBackward out;
  out.x = attended_;
  out.d_y = delta_;
  out.low = out_low_;
  out.d_x = d_attended_;
  linear_backward(context(adapters), layer_.attention_out, out);
  LinearBackward in;
  in.x = x_;
  in.d_y = qkv_;
  in.low = qkv_low_;
  in.d_x = d_x_;
  linear_backward(context(adapters), layer_.qkv, in);
}

void LayerProducts::mlp_backward(bool adapters) {
  LinearBackward down;
  down.x = hidden_;
  down.d_y = delta_;
  down.low = down_low_;
  down.d_x = d_hidden_;
  down.input_made = true;
  linear_backward(context(adapters), layer_.down, down);
  activation_backward(adapters);
  LinearBackward in;
  in.x = x_;
  in.d_y = d_up_;
  in.low = up_low_;
  in.d_x = d_x_;
  in.output_made = true;
  linear_backward(context(adapters), layer_.up, in);
}

void LayerProducts::activation_backward(bool adapters) {
  const int64_t F = spec_.intermediate;
  ActivationBackwardArgs args;
  args.kind = spec_.activation;
  args.x = up_.columns(0, F);
  args.up = up_.columns(F, F);
  args.d_x = d_up_.columns(0, F);
  args.d_up = d_up_.columns(F, F);
  args.d_out = d_hidden_;
  args.out = hidden_;
  args.out_adapter = of_input_backward(context(adapters), layer_.down, delta_);
  args.x_adapter = of_output(context(adapters), layer_.up, 0, d_up_, up_low_);
  args.up_adapter = of_output(context(adapters), layer_.up, 1, d_up_, up_low_);
  backend_.activation_backward(args);
}

void LayerProducts::activation() {
  activation_forward({});
  activation_backward(false);
}

}  // namespace attune::bench
