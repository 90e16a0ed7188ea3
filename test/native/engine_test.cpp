// The engine as a whole over small odd shapes: every verb runs, losses are finite, training lowers
// them. Under the sanitizers every buffer of the plan has a gap behind it that may not be touched.
#include "engine.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "fixture.h"

namespace attune::test {
namespace {

struct Shape {
  const char* name;
  ModelSpec spec;
};

/** Rotary, gated, grouped heads, untied. */
ModelSpec rotary() {
  ModelSpec spec;
  spec.vocabulary = 37;
  spec.hidden = spec.embedding = 20;
  spec.intermediate = 27;
  spec.layers = 2;
  spec.heads = 6;
  spec.kv_heads = 3;
  spec.head_size = 6;
  spec.max_positions = 128;
  spec.inverse_frequencies = {1.0f, 0.3f, 0.05f};
  spec.tied_head = false;
  return spec;
}

/** Learned positions, layer norm, biases, tied; projections and post-norm where asked. */
ModelSpec learned(bool post_norm) {
  ModelSpec spec = rotary();
  spec.inverse_frequencies.clear();
  spec.rotary = spec.gated = false;
  spec.position_offset = 2;
  spec.norm = NormKind::layer;
  spec.attention_bias = spec.attention_output_bias = spec.mlp_bias = true;
  spec.activation = Activation::relu;
  spec.tied_head = true;
  spec.pre_norm = spec.final_norm = !post_norm;
  if (post_norm) spec.embedding = 13;
  return spec;
}

const Shape kShapes[] = {
    {"rotary", rotary()}, {"learned", learned(false)}, {"post-norm", learned(true)}};

EngineOptions options_for(const ModelSpec& spec, DType dtype, Method method, int64_t tokens) {
  EngineOptions options;
  options.dtype = dtype;
  options.method = method;
  options.max_tokens = tokens;
  options.seed = 5;
  if (method == Method::full) return options;
  options.adapter.rank = 3;
  options.adapter.scale = 1.5f;
  options.adapter.dropout = method == Method::lora ? 0.2f : 0.0f;
  for (int64_t i = 0; i < spec.layers; ++i)
    for (const char* module : {"q", "v", "o", "up", "down"})
      options.adapter.modules.push_back("layers." + std::to_string(i) + "." + module);
  if (spec.projects())
    options.adapter.modules.insert(options.adapter.modules.end(), {"project_in", "project_out"});
  return options;
}

/** Uniform values in every parameter but the adapters' B; norms near 1. */
void fill(Engine& engine) {
  uint64_t stream = 0;
  for (Parameter* parameter : engine.parameters().all()) {
    ++stream;
    const bool norm = parameter->name.find("norm.weight") != std::string::npos;
    if (parameter->name.find(".lora_") != std::string::npos) continue;
    for (int64_t i = 0; i < parameter->size(); ++i) {
      const auto index = static_cast<uint64_t>(i);
      const float value =
          (norm ? 1.0f : 0.0f) + 0.4f * uniform(philox(9, stream, index).word[0]) - 0.2f;
      if (parameter->master) parameter->master[i] = value;
      const Tensor& held = parameter->value;
      const int64_t at = i / held.cols * held.stride + i % held.cols;
      if (held.dtype == DType::bf16) held.bf16()[at] = f32_to_bf16(value);
      if (held.dtype == DType::f32) held.f32()[at] = value;
    }
  }
}

/** Documents of 1, 2, 3 … tokens until there are `tokens`; two of three positions are trained. */
Batch batch_of(const ModelSpec& spec, int64_t tokens) {
  Batch batch;
  batch.segments.push_back(0);
  for (int32_t length = 1; batch.size() < tokens; ++length) {
    for (int32_t at = 0; at < length && batch.size() < tokens; ++at) {
      const auto t = static_cast<int32_t>(batch.size());
      batch.tokens.push_back(static_cast<int32_t>((7 * t + 3) % spec.vocabulary));
      batch.targets.push_back(t % 3 == 2 ? kIgnore
                                         : static_cast<int32_t>((5 * t + 1) % spec.vocabulary));
      batch.positions.push_back(at);
    }
    batch.segments.push_back(static_cast<int32_t>(batch.size()));
  }
  return batch;
}

/** Kernels on the processor are slow: they take fewer steps, where the number does not matter. */
int steps_of(const std::string& device) { return device == "cuda-host" ? 2 : 8; }

/** The losses of some steps. */
Values train(Engine& engine, const Batch& batch, int steps) {
  Values losses;
  for (int step = 0; step < steps; ++step) {
    const BatchSums sums = engine.accumulate(batch);
    expect(std::isfinite(sums.loss), "the loss is not finite");
    losses.push_back(sums.loss / static_cast<double>(sums.tokens));
    UpdateOptions options;
    options.learning_rate = 0.02;
    options.max_grad_norm = 1;
    options.tokens = static_cast<double>(sums.tokens);
    expect(engine.update(options).applied, "the update was not applied");
  }
  expect(losses.back() < losses.front(),
         "training did not lower the loss: " + std::to_string(losses.front()) + " to " +
             std::to_string(losses.back()));
  return losses;
}

void use(const std::string& device, const ModelSpec& spec, DType dtype, Method method,
         int64_t tokens) {
  Engine engine(spec, options_for(spec, dtype, method, tokens), backend_of(device));
  fill(engine);
  const Batch batch = batch_of(spec, tokens);
  if (method != Method::none) train(engine, batch, steps_of(device));
  const BatchSums sums = engine.evaluate(batch);
  expect(std::isfinite(sums.nll) && sums.tokens > 0, "evaluation is not finite");
  expect(static_cast<int64_t>(engine.token_losses(batch).size()) == sums.tokens,
         "a loss for each target");
  const std::vector<float> whole = engine.logits(batch.tokens);
  // All but the last six tokens at once, then one by one.
  const auto prompt = batch.tokens.begin() + std::max<std::ptrdiff_t>(1, tokens - 6);
  std::vector<float> last = engine.decode({batch.tokens.begin(), prompt}, true);
  for (auto token = prompt; token != batch.tokens.end(); ++token)
    last = engine.decode({*token}, false);
  const auto V = static_cast<size_t>(spec.vocabulary);
  expect_close("decoded logits", std::vector<double>(last.begin(), last.end()),
               std::vector<double>(whole.end() - static_cast<std::ptrdiff_t>(V), whole.end()),
               dtype == DType::f32 ? 1e-5 : 5e-2);
  if (dtype == DType::f32 && method != Method::full) engine.merge();
}

/** Gradients of every trained parameter after one batch, `recompute` layers run again. */
std::vector<std::vector<float>> gradients(const std::string& device, ModelSpec spec, DType dtype,
                                          Method method, int64_t recompute) {
  spec.layers = 4;
  EngineOptions options = options_for(spec, dtype, method, 23);
  options.recompute = recompute;
  Engine engine(spec, options, backend_of(device));
  expect(engine.plan().recomputed_layers == std::min<int64_t>(recompute, 3), "what is recomputed");
  fill(engine);
  const Batch batch = batch_of(spec, 23);
  train(engine, batch, steps_of(device));
  engine.accumulate(batch);
  std::vector<std::vector<float>> all;
  for (const Parameter* parameter : engine.parameters().trained())
    all.push_back(engine.read(parameter->name, Part::gradient));
  return all;
}

TEST(recompute) {
  for (const std::string& device : device_names()) {
    for (const Shape& shape : kShapes) {
      for (Method method : {Method::full, Method::lora}) {
        for (DType dtype : {DType::f32, DType::bf16}) {
          const bool both = device != "cuda-host";  // there, one type for each method
          if (!both && (method == Method::lora) != (dtype == DType::bf16)) continue;
          run(std::string(shape.name) + (method == Method::lora ? " lora " : " full ") +
                  dtype_name(dtype) + " " + device,
              [&] {
                const auto kept = gradients(device, shape.spec, dtype, method, 0);
                const auto counts =
                    device == "cpu" ? std::vector<int64_t>{0, 1, 2, 3, 9} : std::vector<int64_t>{2};
                for (int64_t recompute : counts)
                  expect(gradients(device, shape.spec, dtype, method, recompute) == kept,
                         "recomputing " + std::to_string(recompute) + " layers changes the bits");
              });
        }
      }
    }
  }
}

TEST(engine) {
  const std::pair<const char*, Method> methods[] = {
      {"full", Method::full}, {"lora", Method::lora}, {"none", Method::none}};
  for (const std::string& device : device_names())
    for (const Shape& shape : kShapes)
      for (const DType dtype : {DType::f32, DType::bf16})
        for (const auto& [name, method] : methods)
          for (const int64_t tokens : {1, 7, 90})
            run(std::string(shape.name) + "/" + dtype_name(dtype) + "/" + name + "/" +
                    std::to_string(tokens) + " " + device,
                [&, method = method] { use(device, shape.spec, dtype, method, tokens); });
}

/** The same training on another device: the same losses, to what rounding in float32 allows. */
TEST(engine_parity) {
  for (const std::string& device : device_names()) {
    if (device == "cpu") continue;
    for (const Shape& shape : kShapes) {
      for (Method method : {Method::full, Method::lora}) {
        run(std::string(shape.name) + (method == Method::lora ? " lora " : " full ") + device, [&] {
          Values losses[2];
          for (size_t i = 0; i < 2; ++i) {
            Engine engine(shape.spec, options_for(shape.spec, DType::f32, method, 61),
                          backend_of(i == 0 ? "cpu" : device));
            fill(engine);
            losses[i] = train(engine, batch_of(shape.spec, 61), 8);
          }
          expect_close("losses", losses[1], losses[0], 2e-5);
        });
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
