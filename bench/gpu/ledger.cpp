#include "ledger.h"

#include <algorithm>

#include "backend/cuda/thin_split.h"
#include "layer.h"

namespace attune::bench {

namespace {

double size(int64_t count) { return static_cast<double>(count); }

double bytes(const Tensor& x) {
  return x ? size(x.size()) * size(static_cast<int64_t>(size_of(x.dtype))) : 0;
}

/** A float32 gradient of `count` elements, read and written. */
double gradient(int64_t count) { return 8 * size(count); }

/** Floats of the parts of all launches that these rows take. */
template <class Sizes>
double parts_of(const cuda::DeviceFacts& facts, int64_t rows, int64_t columns, int64_t rank) {
  double floats = 0;
  while (rows > 0) {
    const cuda::ThinShape shape = cuda::thin_shape<Sizes>(facts, rows, columns, rank);
    const cuda::ThinParts parts = cuda::parts_of(shape, cuda::split_of(shape));
    floats += size(parts.columns + parts.rows);
    rows -= shape.rows;
  }
  return floats;
}

double low_bytes(const AdapterOutput& adapter) {
  return bytes(adapter.b) + bytes(adapter.low) + bytes(adapter.d_low) + gradient(adapter.b.size());
}

}  // namespace

void Ledger::add_parts(double floats) {
  counted_.parts += 4 * floats;
  counted_.bytes += 4 * floats;
}

void Ledger::matmul(const MatmulArgs& args) {
  const int64_t k = args.trans_a ? args.a.rows : args.a.cols;
  const int64_t m = args.c.rows, n = args.c.cols, thin = std::min(m, n);
  if (thin > cuda::kThin) {
    counted_.operations += 2 * size(m) * size(n) * size((k + 63) / 64 * 64);
    return;
  }
  add_bytes(bytes(args.a) + bytes(args.b) + bytes(args.c) * (args.accumulate ? 2 : 1));
  if (args.trans_a)
    add_parts(size(m * n) *
              size(cuda::depth_parts(std::max(m, n), thin, k, facts_.multiprocessors)));
}

void Ledger::adapter_backward(const AdapterBackwardArgs& args) {
  const AdapterOutput& adapter = args.adapter;
  add_bytes(bytes(args.d_y) + low_bytes(adapter));
  add_parts(
      parts_of<cuda::OutputSizes>(facts_, args.d_y.rows, args.d_y.cols, adapter.low.cols));
}

void Ledger::activation(const ActivationArgs& args) {
  const AdapterInput& adapter = args.adapter;
  add_bytes(bytes(args.x) + bytes(args.up) + bytes(args.out));
  if (!adapter) return;
  add_bytes(bytes(adapter.a) + bytes(adapter.low));
  add_parts(
      parts_of<cuda::ActivationSizes>(facts_, args.x.rows, args.x.cols, adapter.low.cols));
}

void Ledger::activation_backward(const ActivationBackwardArgs& args) {
  add_bytes(2 * (bytes(args.x) + bytes(args.up)) + bytes(args.d_out));
  const AdapterInputBackward& out = args.out_adapter;
  if (!out) return;
  add_bytes(low_bytes(args.x_adapter) + low_bytes(args.up_adapter));
  add_bytes(bytes(out.d_low) + gradient(out.d_low.cols * args.x.cols));
  add_parts(
      parts_of<cuda::ActivationBackwardSizes>(facts_, args.x.rows, args.x.cols, out.d_low.cols));
}

void Ledger::cast(const CastArgs& args) { add_bytes(bytes(args.x) + bytes(args.out)); }

cuda::DeviceFacts hopper_facts() {
  cuda::DeviceFacts facts;
  facts.major = 9;
  facts.multiprocessors = 132;
  facts.shared_memory = 227 << 10;
  return facts;
}

AdapterCost adapter_cost(const std::string& shape, int64_t rank, int64_t tokens,
                         const cuda::DeviceFacts& facts) {
  const ModelSpec spec = shape_of(shape, 1);
  const EngineOptions options = options_of(spec, rank, tokens);
  Parameters parameters(spec, options);
  Ledger ledger(facts);
  Arena weights(ledger.allocate(0)), adapters = weights, gradients = weights, moments = weights;
  parameters.layout(weights, adapters, gradients, moments);
  LayerProducts products(ledger, spec, options, parameters.layers[0], tokens);
  AdapterCost cost;
  for (const bool with : {false, true}) {
    products.attention_forward(with);
    products.mlp_forward(with);
    products.mlp_backward(with);
    products.attention_backward(with);
    (with ? cost.adapted : cost.bare) = ledger.take();
  }
  return cost;
}

}  // namespace attune::bench
