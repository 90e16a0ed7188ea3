#include <functional>

#include "measure.h"
#include "model/linear.h"
#include "tools/device.h"

namespace attune::bench {

namespace {

constexpr int kWarm = 3, kTimes = 15;

/** Zeroed memory of the device; freed with its owner. */
class Memory {
 public:
  Memory(Backend& backend, int64_t rows, int64_t cols, int64_t room)
      : backend_(backend), stride_((cols + room + 63) / 64 * 64) {
    data_ = backend.allocate(static_cast<size_t>(rows * stride_) * 2);
    view_ = Tensor(data_, DType::bf16, rows, cols, stride_);
  }
  ~Memory() { backend_.release(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void randomise(uint32_t state) {
    std::vector<uint16_t> row(static_cast<size_t>(view_.cols));
    for (int64_t i = 0; i < view_.rows; ++i) {
      for (uint16_t& value : row) {
        state = state * 1664525u + 1013904223u;
        value = f32_to_bf16(static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
      }
      backend_.upload(view_.row_range(i, 1), row.data());
    }
  }
  Tensor view() const { return view_; }

 private:
  Backend& backend_;
  int64_t stride_;
  void* data_;
  Tensor view_;
};

struct Cost {
  double bare = 0, adapted = 0;
};

/** Median seconds of `bare` and of `adapted`, run in turn. */
Cost in_turn(Backend& backend, const std::function<void()>& bare,
             const std::function<void()>& adapted) {
  std::vector<double> times[2];
  for (int i = 0; i < kWarm + kTimes; ++i) {
    for (int which = 0; which < 2; ++which) {
      const int64_t begin = backend.mark();
      which == 0 ? bare() : adapted();
      const double seconds = backend.seconds(begin, backend.mark());
      if (i >= kWarm) times[which].push_back(seconds);
    }
  }
  return {median(times[0]), median(times[1])};
}

/** Seconds of both passes of a Linear, with its adapters and without. */
Json measure(Backend& backend, const EngineOptions& options, const Linear& linear, const char* name,
             int64_t tokens, Cost& total) {
  const int64_t room = linear.adapters * options.adapter.rank;
  Memory x(backend, tokens, linear.in, room), y(backend, tokens, linear.out, room);
  Memory d_x(backend, tokens, linear.in, 0), low(backend, tokens, room, 0);
  x.randomise(1);
  y.randomise(2);
  const Tensor kept(low.view().data, DType::bf16, tokens, room);
  LinearContext adapted(backend, options.adapter.scale, options.adapter.rank), bare = adapted;
  bare.adapters = false;
  const auto forward = [&](const LinearContext& context) {
    return [&] { linear_forward(context, linear, x.view(), y.view(), context.adapters ? kept : Tensor()); };
  };
  const auto backward = [&](const LinearContext& context) {
    LinearBackward args;
    args.x = x.view();
    args.d_y = y.view();
    args.low = kept;
    args.d_x = d_x.view();
    return [&, args] { linear_backward(context, linear, args); };
  };
  const Cost down = in_turn(backend, forward(bare), forward(adapted));
  y.randomise(2);
  const Cost up = in_turn(backend, backward(bare), backward(adapted));
  total.bare += down.bare + up.bare;
  total.adapted += down.adapted + up.adapted;
  Json json = Json::object();
  json.set("linear", name).set("in", linear.in).set("out", linear.out);
  json.set("forward_ms", 1e3 * down.bare).set("forward_over_bare", down.adapted / down.bare);
  return json.set("backward_ms", 1e3 * up.bare).set("backward_over_bare", up.adapted / up.bare);
}

}  // namespace

Json measure_adapters(const std::string& device, const std::string& shape, int64_t rank,
                      int64_t tokens) {
  const ModelSpec spec = shape_of(shape, 1);
  const EngineOptions options = options_of(spec, rank, 128);
  std::unique_ptr<Backend> made = device_backend(device, false);
  Backend& backend = *made;
  Engine engine(spec, options, std::move(made));
  randomise(engine, backend, 7);
  const Layer& layer = engine.parameters().layers[0];
  Cost total;
  Json linears = Json::array();
  linears.add(measure(backend, options, layer.qkv, "q, k, v", tokens, total));
  linears.add(measure(backend, options, layer.attention_out, "o", tokens, total));
  linears.add(measure(backend, options, layer.up, "gate, up", tokens, total));
  linears.add(measure(backend, options, layer.down, "down", tokens, total));
  Json json = Json::object();
  json.set("device", describe_device(device)).set("shape", shape);
  json.set("rank", rank).set("tokens", tokens).set("linears", linears);
  return json.set("over_bare", total.adapted / total.bare);
}

}  // namespace attune::bench
