#include "model/linear.h"

#include "core/error.h"

namespace attune {

namespace {

struct Operand {
  Tensor x;
  bool transposed = false;
};

Operand transposed(Tensor x) { return {x, true}; }

void product(Backend& backend, Operand a, Operand b, Tensor c, bool accumulate, float scale = 1,
             const float* bias = nullptr) {
  MatmulArgs args;
  args.a = a.x;
  args.b = b.x;
  args.c = c;
  args.trans_a = a.transposed;
  args.trans_b = b.transposed;
  args.accumulate = accumulate;
  args.scale = scale;
  args.bias = bias;
  backend.matmul(args);
}

/** The first `count` columns behind those of x. */
Tensor behind(Tensor x, int64_t count) {
  check(x.stride >= x.cols + count, Code::internal, "linear", "no room behind the rows");
  return x.columns(x.cols, count);
}

/** x and the `count` columns behind it. */
Tensor widened(Tensor x, int64_t count) { return x.columns(0, x.cols + count); }

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

Tensor columns_of(const LinearContext& context, const Adapter& adapter, Tensor low) {
  return low.columns(adapter.column, context.rank);
}

bool is_adapted(const LinearContext& context, const Linear& linear) {
  return linear.adapters > 0 && context.adapters;
}

int64_t extra_of(const LinearContext& context, const Linear& linear) {
  return is_adapted(context, linear) ? linear.adapters * context.rank : 0;
}

/** low = s drop(x) A^T, behind the columns of x. */
void forward_low(const LinearContext& context, const Linear& linear, Tensor x, Tensor low) {
  Backend& backend = context.backend;
  if (context.dropout == 0)
    return product(backend, {x}, transposed(linear.lora_a), low, false, context.scale);
  for (size_t m = 0; m < linear.members.size(); ++m) {
    const Adapter& adapter = linear.members[m].adapter;
    if (!adapter.a) continue;
    const Tensor dropped = drop(context, x, static_cast<int64_t>(m));
    product(backend, {dropped}, transposed(adapter.a->value), columns_of(context, adapter, low),
            false, context.scale);
  }
}

/** d_A and the adapters' part of d_x, each through the mask of its own member. */
void backward_dropped(const LinearContext& context, const Linear& linear,
                      const LinearBackward& args, Tensor d_low) {
  Backend& backend = context.backend;
  for (size_t m = 0; m < linear.members.size(); ++m) {
    const Adapter& adapter = linear.members[m].adapter;
    if (!adapter.a) continue;
    const Tensor columns = columns_of(context, adapter, d_low);
    if (adapter.a->gradient) {
      const Tensor x = drop(context, args.x, static_cast<int64_t>(m));
      product(backend, transposed(columns), {x},
              Tensor(adapter.a->gradient, DType::f32, context.rank, linear.in), true);
    }
    if (!args.d_x) continue;
    const Tensor d_x(context.d_dropped.data, args.d_x.dtype, args.d_x.rows, linear.in);
    product(backend, {columns}, {adapter.a->value}, d_x, false);
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

}  // namespace

AdapterInput of_input(const LinearContext& context, const Linear& linear, Tensor x) {
  if (!is_adapted(context, linear) || context.dropout > 0) return {};
  return {linear.lora_a, behind(x, extra_of(context, linear)), context.scale};
}

AdapterInputBackward of_input_backward(const LinearContext& context, const Linear& linear,
                                       Tensor d_y) {
  if (!is_adapted(context, linear) || context.dropout > 0) return {};
  return {behind(d_y, extra_of(context, linear)), linear.d_lora_a};
}

AdapterOutput of_output(const LinearContext& context, const Linear& linear, size_t member,
                        Tensor d_y, Tensor low) {
  const Adapter& adapter = linear.members[member].adapter;
  if (!adapter.a || !context.adapters) return {};
  AdapterOutput made;
  made.b = adapter.b->value;
  made.low = columns_of(context, adapter, low);
  made.d_low = columns_of(context, adapter, behind(d_y, extra_of(context, linear)));
  made.d_b = adapter.b->gradient;
  made.scale = context.scale;
  return made;
}

void linear_forward(const LinearContext& context, const Linear& linear, Tensor x, Tensor y,
                    Tensor low, bool made) {
  const int64_t extra = extra_of(context, linear);
  if (extra > 0) {
    if (!made) forward_low(context, linear, x, behind(x, extra));
    if (low) context.backend.cast({behind(x, extra), low});
  }
  product(context.backend, {widened(x, extra)},
          transposed(linear.extended.block(0, linear.out, 0, linear.in + extra)), y, false, 1,
          linear.bias);
}

void linear_backward(const LinearContext& context, const Linear& linear,
                     const LinearBackward& args) {
  Backend& backend = context.backend;
  const int64_t extra = extra_of(context, linear);
  if (linear.d_weight)
    product(backend, transposed(args.d_y), {args.x},
            Tensor(linear.d_weight, DType::f32, linear.out, linear.in), true);
  if (linear.d_bias) {
    ColumnSumArgs sum;
    sum.x = args.d_y;
    sum.sums = linear.d_bias;
    backend.column_sum(sum);
  }
  for (size_t m = 0; m < linear.members.size() && !args.output_made; ++m) {
    const Member& member = linear.members[m];
    const AdapterOutput adapter = of_output(context, linear, m, args.d_y, args.low);
    if (adapter) backend.adapter_backward({args.d_y.columns(member.first, member.out), adapter});
  }
  const AdapterInputBackward input = of_input_backward(context, linear, args.d_y);
  if (input && !args.input_made)
    product(backend, transposed(input.d_low), {args.x},
            Tensor(input.d_a, DType::f32, input.d_low.cols, linear.in), true);
  const int64_t joined = context.dropout == 0 ? extra : 0;
  if (args.d_x)
    product(backend, {widened(args.d_y, joined)},
            {linear.extended.block(0, linear.out + joined, 0, linear.in)}, args.d_x,
            args.accumulate);
  if (extra > 0 && context.dropout > 0)
    backward_dropped(context, linear, args, behind(args.d_y, extra));
}

void linear_merge(const LinearContext& context, Linear& linear) {
  if (linear.adapters == 0) return;
  check(linear.weight.dtype == DType::f32, Code::config, "merge", "merging needs dtype float32");
  for (Member& member : linear.members)
    if (member.adapter.a)
      product(context.backend, {member.adapter.b->value}, {member.adapter.a->value},
              member.weight->value, true, context.scale);
}

}  // namespace attune
