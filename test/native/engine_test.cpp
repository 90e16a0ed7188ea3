// The engine as a whole over small odd shapes: every verb runs, losses are finite, training lowers
// them. Under the sanitizers every buffer of the plan has a gap behind it that may not be touched.
#include "engine.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "backend/cuda/host/launch.h"
#include "core/error.h"
#include "models.h"

namespace attune::test {
namespace {

/** Kernels on the processor are slow: they take fewer steps, where the number does not matter. */
int steps_of(const std::string& device) { return device == "cuda-host" ? 2 : 8; }

/** There, a batch is filled up to 128 tokens whatever its size. */
std::vector<int64_t> sizes_of(const std::string& device, Method method) {
  if (device != "cuda-host") return {1, 7, 90};
  return {method == Method::full ? 7 : method == Method::lora ? 90 : 1};
}

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
    for (const Shape& shape : shapes()) {
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
    for (const Shape& shape : shapes())
      for (const DType dtype : {DType::f32, DType::bf16})
        for (const auto& [name, method] : methods)
          for (const int64_t tokens : sizes_of(device, method))
            run(std::string(shape.name) + "/" + dtype_name(dtype) + "/" + name + "/" +
                    std::to_string(tokens) + " " + device,
                [&, method = method] { use(device, shape.spec, dtype, method, tokens); });
}

/** A batch that is refused leaves no trace: what was accumulated before is trained. */
TEST(engine_refused_batch) {
  for (const std::string& device : device_names())
    run(device, [&] {
      const ModelSpec spec = shapes().front().spec;
      Engine engine(spec, options_for(spec, DType::f32, Method::lora, 8), backend_of(device));
      fill(engine);
      const Batch batch = batch_of(spec, 8);
      UpdateOptions update;
      update.learning_rate = 0.1;
      update.tokens = static_cast<double>(engine.accumulate(batch).tokens);
      Batch wrong = batch;
      wrong.tokens[3] = static_cast<int32_t>(spec.vocabulary);
      bool refused = false;
      try {
        engine.accumulate(wrong);
      } catch (const Error& error) {
        refused = error.code() == Code::data;
      }
      expect(refused, "a token outside the vocabulary");
      expect(engine.update(update).applied, "the update is applied");
    });
}

/** Gradients after one batch, of adapters on all products of a model of even sizes. */
std::vector<Values> adapter_gradients(const std::string& device, DType dtype, int64_t recompute) {
  ModelSpec spec = rotary();
  spec.hidden = spec.embedding = 64;
  spec.intermediate = 160;
  spec.head_size = 8;
  spec.inverse_frequencies = {1.0f, 0.3f, 0.1f, 0.05f};
  EngineOptions options = options_for(spec, dtype, Method::lora, 256);
  options.adapter.rank = 16;
  options.adapter.dropout = 0;
  options.recompute = recompute;
  for (const char* layer : {"layers.0.", "layers.1."})
    for (const char* module : {"k", "gate"})
      options.adapter.modules.push_back(std::string(layer) + module);
  Engine engine(spec, options, backend_of(device));
  fill(engine, true);
  engine.accumulate(batch_of(spec, 250));
  std::vector<Values> all;
  for (const Parameter* parameter : engine.parameters().trained()) {
    const auto gradient = engine.read(parameter->name, Part::gradient);
    all.emplace_back(gradient.begin(), gradient.end());
  }
  return all;
}

/** Of as many tokens and columns as the kernels of adapters take; below, devices do without. */
TEST(engine_adapters) {
  const auto distance = [](const Values& a, const Values& b) {
    double total = 0;
    for (size_t i = 0; i < a.size(); ++i) total += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(total);
  };
  for (const std::string& device : device_names()) {
    if (device == "cpu") continue;
    run("bfloat16 is as near to float32 as the processor's " + device, [&] {
      const auto exact = adapter_gradients("cpu", DType::f32, 0);
      const auto own = adapter_gradients("cpu", DType::bf16, 0);
      auto before = cuda::host::launches();
      const auto found = adapter_gradients(device, DType::bf16, 0);
      auto after = cuda::host::launches();
      // A device with less shared memory does without.
      const bool all = device == "cuda-host" && !std::getenv("ATTUNE_HOST_SHARED");
      for (const char* kernel : {"activation_low", "activation_backward_adapters"})
        expect(!all || after[kernel] > before[kernel], std::string("no launch of ") + kernel);
      for (size_t i = 0; i < exact.size(); ++i) {
        const double off = distance(found[i], exact[i]),
                     size = distance(exact[i], Values(exact[i].size()));
        const double most = 1.25 * distance(own[i], exact[i]) + 0.002 * size;
        expect(off <= most, "gradient " + std::to_string(i) + " is off by " +
                                std::to_string(off / size) + ", the processor's by " +
                                std::to_string(distance(own[i], exact[i]) / size));
      }
      expect(adapter_gradients(device, DType::bf16, 1) == found, "recomputing changes the bits");
    });
  }
}

/** The same training on another device: the same losses, to what rounding in float32 allows. */
TEST(engine_parity) {
  for (const std::string& device : device_names()) {
    if (device == "cpu") continue;
    for (const Shape& shape : shapes()) {
      for (Method method : {Method::full, Method::lora}) {
        run(std::string(shape.name) + (method == Method::lora ? " lora " : " full ") + device, [&] {
          Values losses[2];
          for (size_t i = 0; i < 2; ++i) {
            Engine engine(shape.spec, options_for(shape.spec, DType::f32, method, 61),
                          backend_of(i == 0 ? "cpu" : device));
            fill(engine);
            losses[i] = train(engine, batch_of(shape.spec, 61), 3);
          }
          expect_close("losses", losses[1], losses[0], 2e-5);
        });
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
