#include <functional>

#include "layer.h"
#include "ledger.h"
#include "measure.h"
#include "tools/device.h"

namespace attune::bench {

namespace {

constexpr int kWarm = 3, kTimes = 15;

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

Json model_of(const AdapterCost& cost, const Ceilings& ceilings) {
  Json json = Json::object();
  json.set("product_tflops", ceilings.product / 1e12).set("copy_gbps", ceilings.bandwidth / 1e9);
  return json.set("over_bare", 1 + cost.share(ceilings));
}

/** What the cost should be by what is moved and multiplied (ledger.h). */
Json modelled(const std::string& shape, int64_t rank, int64_t tokens, const Ceilings& measured) {
  const AdapterCost cost = adapter_cost(shape, rank, tokens, hopper_facts());
  Json json = Json::object();
  json.set("added_bytes", cost.adapted.bytes - cost.bare.bytes).set("parts", cost.adapted.parts);
  json.set("added_operations", cost.adapted.operations - cost.bare.operations);
  json.set("operations", cost.bare.operations);
  json.set("h100", model_of(cost, kH100)).set("h200", model_of(cost, kH200));
  return json.set("measured_ceilings", model_of(cost, measured));
}

}  // namespace

Json measure_adapters(const std::string& device, const std::string& shape, int64_t rank,
                      int64_t tokens) {
  const ModelSpec spec = shape_of(shape, 1);
  const EngineOptions options = options_of(spec, rank, 128);
  std::unique_ptr<Backend> made = device_backend(device, false);
  Backend& backend = *made;
  const Ceilings ceilings = measure_ceilings(device, backend);
  Engine engine(spec, options, std::move(made));
  randomise(engine, backend, 7);
  LayerProducts products(backend, spec, options, engine.parameters().layers[0], tokens);
  products.randomise();
  using Part = void (LayerProducts::*)(bool);
  const std::pair<const char*, Part> parts[] = {
      {"q, k, v, o forward", &LayerProducts::attention_forward},
      {"gate, up, down forward", &LayerProducts::mlp_forward},
      {"gate, up, down backward", &LayerProducts::mlp_backward},
      {"q, k, v, o backward", &LayerProducts::attention_backward}};
  Cost total;
  Json list = Json::array();
  for (const auto& [name, part] : parts) {
    const auto run = [&, part = part](bool adapters) {
      return [&products, part, adapters] { (products.*part)(adapters); };
    };
    const Cost cost = in_turn(backend, run(false), run(true));
    total.bare += cost.bare;
    total.adapted += cost.adapted;
    Json json = Json::object();
    json.set("part", name).set("bare_ms", 1e3 * cost.bare);
    list.add(json.set("adapted_ms", 1e3 * cost.adapted));
  }
  const auto alone = [&] { products.activation(); };
  const double activation = in_turn(backend, alone, alone).bare;
  Json json = Json::object();
  json.set("device", describe_device(device)).set("shape", shape);
  json.set("rank", rank).set("tokens", tokens).set("parts", list);
  json.set("activation_ms", 1e3 * activation);
  json.set("model", modelled(shape, rank, tokens, ceilings));
  // The activation, in both alike, is no product.
  return json.set("over_bare", 1 + (total.adapted - total.bare) / (total.bare - activation));
}

}  // namespace attune::bench
