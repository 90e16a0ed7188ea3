// Linear layers of a model of 135M parameters, with adapters of rank 16 and without: what LoRA
// costs over the base products, and each of its thin products alone.
#include <memory>
#include <numeric>

#include "cases.h"
#include "model/linear.h"

namespace attune::bench {
namespace {

constexpr int64_t kRank = 16;

/** A Linear, its input and its gradients, all with room behind their rows. */
struct Layer {
  Layer(DType dtype, int64_t in, const std::vector<int64_t>& outs)
      : out(std::accumulate(outs.begin(), outs.end(), int64_t{0})),
        extra(kRank * static_cast<int64_t>(outs.size())),
        weights(out + extra, in + extra, dtype),
        x_rows(kTokens, in + 64, dtype),
        y(kTokens, out, dtype),
        d_y_rows(kTokens, out + 64, dtype),
        d_x(kTokens, in, dtype),
        low(kTokens, extra, dtype),
        d_a(extra, in, DType::f32),
        d_b(out, kRank, DType::f32) {
    weights.random(1, 0.05f);
    x_rows.random(2);
    d_y_rows.random(3);
    linear.in = base.in = in;
    linear.out = base.out = out;
    linear.extended = weights.view();
    linear.weight = linear.extended.block(0, out, 0, in);
    base.extended = base.weight = linear.weight;
    linear.adapters = static_cast<int64_t>(outs.size());
    linear.lora_a = linear.extended.block(out, extra, 0, in);
    linear.d_lora_a = d_a.f32();
    adapters.resize(2 * outs.size());
    int64_t first = 0, column = 0;
    for (size_t m = 0; m < outs.size(); ++m, column += kRank) {
      Parameter &a = adapters[2 * m], &b = adapters[2 * m + 1];
      a.value = linear.extended.block(out + column, kRank, 0, in);
      a.gradient = d_a.f32() + column * in;
      b.value = linear.extended.block(first, outs[m], in + column, kRank);
      b.gradient = d_b.f32() + first * kRank;
      Member member;
      member.first = first;
      member.out = outs[m];
      member.adapter = {&a, &b, column};
      linear.members.push_back(member);
      first += outs[m];
    }
    x = x_rows.view().columns(0, in);
    d_y = d_y_rows.view().columns(0, out);
  }

  int64_t out, extra;
  Buffer weights, x_rows, y, d_y_rows, d_x, low, d_a, d_b;
  Linear linear, base;
  std::vector<Parameter> adapters;
  Tensor x, d_y;
};

void add_layer(std::vector<Case>& cases, DType dtype, const std::string& name, int64_t in,
               const std::vector<int64_t>& outs) {
  const auto layer = std::make_shared<Layer>(dtype, in, outs);
  const auto T = static_cast<double>(kTokens), rank = static_cast<double>(kRank);
  const double base = 2 * T * static_cast<double>(in * layer->out);
  // x A^T, and low B^T by members; backward twice that, and d_low B^T A besides
  const double thin = 2 * T * static_cast<double>(in * layer->extra);
  const double blocks = 2 * T * static_cast<double>(layer->out) * rank;
  const auto reset = [layer] {
    for (Buffer* gradient : {&layer->d_a, &layer->d_b}) gradient->random(0, 0);
  };
  const auto add = [&](const std::string& what, double work, std::function<void(Backend&)> run,
                       const std::vector<Tensor>& results) {
    cases.push_back({name + what, dtype, true, work, reset, std::move(run), results});
  };
  add("", base,
      [=](Backend& b) {
        linear_forward({b, 1, 0}, layer->base, layer->x, layer->y.view(), {});
      },
      {layer->y.view()});
  add(" r16", base + thin + blocks,
      [=](Backend& b) {
        linear_forward({b, 2, kRank}, layer->linear, layer->x, layer->y.view(), layer->low.view());
      },
      {layer->y.view()});
  const auto backward = [=](Backend& b, const Linear& linear, int64_t r) {
    LinearBackward args;
    args.x = layer->x;
    args.d_y = layer->d_y;
    args.low = layer->low.view();
    args.d_x = layer->d_x.view();
    linear_backward({b, 2, r}, linear, args);
  };
  add(" d_x", base, [=](Backend& b) { backward(b, layer->base, 0); }, {layer->d_x.view()});
  add(" d_x r16", base + 2 * thin + 2 * blocks,
      [=](Backend& b) { backward(b, layer->linear, kRank); }, {layer->d_x.view()});

  const auto product = [&](const std::string& what, Tensor a, bool trans_a, Tensor b, bool trans_b,
                           Tensor c, bool accumulate) {
    MatmulArgs args;
    args.a = a;
    args.b = b;
    args.c = c;
    args.trans_a = trans_a;
    args.trans_b = trans_b;
    args.accumulate = accumulate;
    args.scale = accumulate ? 1.0f : 2.0f;
    const int64_t depth = trans_a ? a.rows : a.cols;
    add(what, 2.0 * static_cast<double>(c.size() * depth),
        [=](Backend& backend) { static_cast<void>(layer), backend.matmul(args); }, {});
  };
  const Member& member = layer->linear.members[0];
  const Tensor d_low = layer->d_y_rows.view().columns(layer->out, layer->extra);
  product(" low", layer->x, false, layer->linear.lora_a, true,
          layer->x_rows.view().columns(in, layer->extra), false);
  product(" d_low", layer->d_y.columns(0, member.out), false, member.adapter.b->value, false,
          d_low.columns(0, kRank), false);
  product(" d_B", layer->d_y.columns(0, member.out), true, layer->low.view().columns(0, kRank),
          false, Tensor(layer->d_b.f32(), DType::f32, member.out, kRank), true);
  product(" d_A", d_low, true, layer->x, false,
          Tensor(layer->d_a.f32(), DType::f32, layer->extra, in), true);
}

}  // namespace

void add_linears(std::vector<Case>& cases, DType dtype) {
  add_layer(cases, dtype, "linear qkv", kHidden, {kHidden, 192, 192});
  add_layer(cases, dtype, "linear o", kHidden, {kHidden});
  add_layer(cases, dtype, "linear up", kHidden, {kForward, kForward});
  add_layer(cases, dtype, "linear down", kForward, {kHidden});
}

}  // namespace attune::bench
