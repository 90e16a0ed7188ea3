#include "model/linear.h"

#include "core/error.h"

namespace attune {

namespace {

void product(Backend& backend, Tensor a, bool trans_a, Tensor b, bool trans_b, Tensor c,
             bool accumulate, const float* bias = nullptr) {
  MatmulArgs args;
  args.a = a;
  args.b = b;
  args.c = c;
  args.trans_a = trans_a;
  args.trans_b = trans_b;
  args.accumulate = accumulate;
  args.bias = bias;
  backend.matmul(args);
}

void scale_in_place(Backend& backend, Tensor x, float scale) {
  CastArgs args;
  args.x = args.out = x;
  args.scale = scale;
  if (scale != 1) backend.cast(args);
}

/** Each member drops its own elements, as PEFT's separate dropout layers do. */
Tensor drop(const LinearContext& context, Tensor x, int64_t member) {
  DropoutArgs args;
  args.x = x;
  args.y = Tensor(context.dropped.data, x.dtype, x.rows, x.cols);
  args.rate = context.dropout;
  args.seed = context.seed;
  args.stream = context.stream + static_cast<uint64_t>(member);
  context.backend.dropout(args);
  return args.y;
}

Tensor adapter_columns(const LinearContext& context, const Adapter& adapter, Tensor low) {
  return low.columns(adapter.column, context.rank);
}

void forward_low(const LinearContext& context, const Linear& linear, Tensor x, Tensor low) {
  Backend& backend = context.backend;
  if (context.dropout == 0) {
    product(backend, x, false, linear.lora_a, true, low, false);
  } else {
    for (size_t m = 0; m < linear.members.size(); ++m) {
      const Adapter& adapter = linear.members[m].adapter;
      if (!adapter.a) continue;
      product(backend, drop(context, x, static_cast<int64_t>(m)), false, adapter.a->value, true,
              adapter_columns(context, adapter, low), false);
    }
  }
  scale_in_place(backend, low, context.scale);
}

/** d_A and the adapters' part of d_x, each through the mask of its own member. */
void backward_dropped(const LinearContext& context, const Linear& linear,
                      const LinearBackward& args, Tensor d_low) {
  Backend& backend = context.backend;
  for (size_t m = 0; m < linear.members.size(); ++m) {
    const Adapter& adapter = linear.members[m].adapter;
    if (!adapter.a) continue;
    const Tensor columns = adapter_columns(context, adapter, d_low);
    if (adapter.a->gradient) {
      const Tensor x = drop(context, args.x, static_cast<int64_t>(m));
      product(backend, columns, true, x, false,
              Tensor(adapter.a->gradient, DType::f32, context.rank, linear.in), true);
    }
    if (!args.d_x) continue;
    const Tensor d_x(context.d_dropped.data, args.d_x.dtype, args.d_x.rows, linear.in);
    product(backend, columns, false, adapter.a->value, false, d_x, false);
    DropoutArgs mask;
    mask.x = d_x;
    mask.y = args.d_x;
    mask.rate = context.dropout;
    mask.seed = context.seed;
    mask.stream = context.stream + m;
    mask.accumulate = true;
    backend.dropout(mask);
  }
}

void backward_adapters(const LinearContext& context, const Linear& linear,
                       const LinearBackward& args) {
  Backend& backend = context.backend;
  const Tensor d_low(args.d_low.data, args.d_y.dtype, args.d_y.rows,
                     linear.adapters * context.rank);
  for (const Member& member : linear.members) {
    const Adapter& adapter = member.adapter;
    if (!adapter.a) continue;
    const Tensor d_y = args.d_y.columns(member.first, member.out);
    if (adapter.b->gradient)
      product(backend, d_y, true, adapter_columns(context, adapter, args.low), false,
              Tensor(adapter.b->gradient, DType::f32, member.out, context.rank), true);
    product(backend, d_y, false, adapter.b->value, false, adapter_columns(context, adapter, d_low),
            false);
  }
  scale_in_place(backend, d_low, context.scale);
  if (context.dropout > 0) return backward_dropped(context, linear, args, d_low);
  if (linear.d_lora_a)
    product(backend, d_low, true, args.x, false,
            Tensor(linear.d_lora_a, DType::f32, d_low.cols, linear.in), true);
  if (args.d_x) product(backend, d_low, false, linear.lora_a, false, args.d_x, true);
}

}  // namespace

void linear_forward(const LinearContext& context, const Linear& linear, Tensor x, Tensor y,
                    Tensor low) {
  product(context.backend, x, false, linear.weight, true, y, false, linear.bias);
  if (linear.adapters == 0 || !context.adapters) return;
  forward_low(context, linear, x, low);
  for (const Member& member : linear.members)
    if (member.adapter.a)
      product(context.backend, adapter_columns(context, member.adapter, low), false,
              member.adapter.b->value, true, y.columns(member.first, member.out), true);
}

void linear_backward(const LinearContext& context, const Linear& linear,
                     const LinearBackward& args) {
  Backend& backend = context.backend;
  if (linear.d_weight)
    product(backend, args.d_y, true, args.x, false,
            Tensor(linear.d_weight, DType::f32, linear.out, linear.in), true);
  if (linear.d_bias) {
    ColumnSumArgs sum;
    sum.x = args.d_y;
    sum.sums = linear.d_bias;
    backend.column_sum(sum);
  }
  if (args.d_x) product(backend, args.d_y, false, linear.weight, false, args.d_x, args.accumulate);
  if (linear.adapters > 0 && context.adapters) backward_adapters(context, linear, args);
}

void linear_merge(const LinearContext& context, Linear& linear) {
  if (linear.adapters == 0) return;
  check(linear.weight.dtype == DType::f32, Code::config, "merge", "merging needs dtype float32");
  scale_in_place(context.backend, linear.lora_a, context.scale);
  for (Member& member : linear.members)
    if (member.adapter.a)
      product(context.backend, member.adapter.b->value, false, member.adapter.a->value, false,
              member.weight->value, true);
}

}  // namespace attune
