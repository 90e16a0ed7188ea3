// What a training step does not do: allocate, wait, form gradients that nobody wants.
#include <algorithm>
#include <cmath>
#include <fstream>

#include "backend/cuda/host/launch.h"
#include "models.h"
#include "watch.h"

namespace attune::test {
namespace {

constexpr int64_t kTokens = 40;

/** An engine and what its back end was asked for since the last `forget`. */
struct Watched {
  Watched(const std::string& device, const ModelSpec& spec, const EngineOptions& options)
      : seen(std::make_shared<Seen>()),
        engine(spec, options, std::make_unique<Watch>(backend_of(device), seen)),
        batch(batch_of(spec, kTokens)) {
    fill(engine);
  }
  void forget() { *seen = Seen{}; }
  BatchSums accumulate() { return engine.accumulate(batch); }
  void update(const BatchSums& sums) {
    UpdateOptions options;
    options.learning_rate = 0.02;
    options.tokens = static_cast<double>(sums.tokens);
    engine.update(options);
  }
  std::shared_ptr<Seen> seen;
  Engine engine;
  Batch batch;
};

EngineOptions options_of(const ModelSpec& spec, Method method, bool dropout = false) {
  EngineOptions options = options_for(spec, DType::bf16, method, kTokens);
  if (!dropout) options.adapter.dropout = 0;
  return options;
}

void check_memory(const std::string& device, const ModelSpec& spec, Method method) {
  Watched run(device, spec, options_of(spec, method, true));
  expect(run.seen->allocations > 0, "the plan allocates");
  run.forget();
  run.accumulate();
  run.update(run.accumulate());
  run.engine.evaluate(run.batch);
  expect(run.seen->allocations == 0, "a step allocates");
  expect(run.seen->downloads == 0 && run.seen->synchronizations == 0,
         "a step waits for the device");
}

/** Products that sum over tokens, whose results are gradients of weights. */
std::vector<MatmulArgs> weight_gradients(const Seen& seen) {
  std::vector<MatmulArgs> found;
  for (const MatmulArgs& args : seen.products)
    if (args.trans_a) found.push_back(args);
  return found;
}

/** Products that give the gradient of what entered `linear`. */
int64_t input_gradients(const Seen& seen, const Linear& linear) {
  return std::count_if(seen.products.begin(), seen.products.end(), [&](const MatmulArgs& args) {
    return !args.trans_a && !args.trans_b && args.b.data == linear.extended.data;
  });
}

void check_frozen(const std::string& device, const ModelSpec& spec) {
  const EngineOptions options = options_of(spec, Method::lora);
  Watched run(device, spec, options);
  const int64_t rank = options.adapter.rank;
  size_t trained = 0;
  for (const Parameter* parameter : run.engine.parameters().all()) {
    const bool adapter = parameter->name.find(".lora_") != std::string::npos;
    expect((parameter->gradient != nullptr) == adapter, parameter->name + ": a gradient");
    if (adapter) trained += static_cast<size_t>(parameter->size()) * sizeof(float);
  }
  const MemoryPlan plan = run.engine.plan();
  expect(plan.gradients >= trained && plan.gradients < trained * 5 / 4 + 4096,
         "gradients of the adapters alone have a place");
  run.forget();
  run.update(run.accumulate());
  const std::vector<MatmulArgs> gradients = weight_gradients(*run.seen);
  expect(!gradients.empty(), "the adapters have gradients");
  for (const MatmulArgs& args : gradients)
    expect(args.c.cols == rank || args.c.rows % rank == 0, "a gradient of a frozen weight");
  for (const NormBackwardArgs& args : run.seen->norms)
    expect(!args.d_weight && !args.d_bias, "a gradient of a frozen norm");
  expect(run.seen->tables.empty(), "a gradient of the frozen embedding");
  expect(run.seen->updated.size() == run.engine.parameters().trained().size(), "what is updated");

  // The other way round, so that these counts are known to count.
  Watched full(device, spec, options_of(spec, Method::full));
  full.forget();
  full.update(full.accumulate());
  expect(weight_gradients(*full.seen).size() >= static_cast<size_t>(4 * spec.layers), "full");
  expect(!full.seen->tables.empty() && full.seen->norms[0].d_weight, "full: norms and embedding");
}

void check_lowest(const std::string& device, ModelSpec spec) {
  spec.layers = 3;
  const auto backward = [&](const EngineOptions& options) {
    auto run = std::make_unique<Watched>(device, spec, options);
    run->forget();
    run->accumulate();
    return run;
  };
  const auto norms = [](const Watched& run) {
    return static_cast<int64_t>(run.seen->norms.size());
  };
  EngineOptions options = options_of(spec, Method::lora);
  const auto lora = backward(options), full = backward(options_of(spec, Method::full));
  const auto qkv = [](const Watched& run, size_t layer) {
    return input_gradients(*run.seen,
                           const_cast<Watched&>(run).engine.parameters().layers[layer].qkv);
  };
  const bool below = spec.projects();  // an adapter below the first layer wants its gradient
  expect(qkv(*lora, 0) == (below ? 1 : 0), "the gradient of what enters layer 0");
  expect(qkv(*lora, 1) == 1 && qkv(*full, 0) == 1, "the gradients of what enters others");
  if (spec.pre_norm) expect(norms(*lora) == norms(*full) - 1, "the first norm has no gradient");

  std::vector<std::string> upper;
  for (const std::string& module : options.adapter.modules)
    if (module.rfind("layers.2.", 0) == 0 && module != "layers.2.q" && module != "layers.2.v" &&
        module != "layers.2.o")
      upper.push_back(module);
  options.adapter.modules = upper;
  const auto highest = backward(options);
  for (size_t layer : {0, 1, 2})
    expect(qkv(*highest, layer) == 0, "the backward pass ends at the lowest adapter");
}

/** As many layers are recomputed as the memory asks for, and no more. */
void check_plan(const std::string& device, ModelSpec spec, Method method) {
  spec.layers = 5;
  EngineOptions options = options_of(spec, method);
  options.max_tokens = 128;
  std::vector<size_t> totals;
  for (int64_t recompute = 0; recompute < spec.layers; ++recompute) {
    options.recompute = recompute;
    const MemoryPlan plan = Engine(spec, options, backend_of(device)).plan();
    totals.push_back(plan.total() - plan.device);
  }
  expect(totals.front() > totals.back(), "recomputing saves memory");
  options.recompute = -1;
  const auto planned = [&](uint64_t memory) {
    auto watch = std::make_unique<Watch>(backend_of(device), std::make_shared<Seen>());
    watch->limit(memory);
    return Engine(spec, options, std::move(watch)).plan().recomputed_layers;
  };
  for (size_t recompute = 0; recompute < totals.size(); ++recompute) {
    const auto first = std::find_if(totals.begin(), totals.end(),
                                    [&](size_t total) { return total <= totals[recompute]; });
    expect(planned(totals[recompute]) == first - totals.begin(), "as many layers as need be");
  }
  try {
    planned(totals.back() - 1);
    fail("a run that does not fit was planned");
  } catch (const Error& error) {
    expect(error.code() == Code::memory, error.what());
  }
}

#ifndef __SANITIZE_ADDRESS__  // which has memory of its own
/** The plan is what is taken: by class to the byte, and of the system within 3 %. */
void check_peak(Method method) {
  ModelSpec spec = rotary();
  spec.vocabulary = 16384;
  spec.hidden = spec.embedding = 512;
  spec.intermediate = 1024;
  constexpr int64_t kMany = 512;
  EngineOptions options = options_for(spec, DType::bf16, method, kMany);
  options.adapter.dropout = 0;
  const auto seen = std::make_shared<Seen>();
  Engine engine(spec, options, std::make_unique<Watch>(backend_of("cpu"), seen));
  fill(engine);
  const MemoryPlan plan = engine.plan();
  const size_t products = plan.total() - plan.device - seen->allocated;
  expect(seen->allocated + plan.device <= plan.total() && products < plan.scratch,
         "the classes are what was allocated");
  Batch batch = batch_of(spec, kMany);
  batch.targets = batch.tokens;  // every position
  UpdateOptions update;
  for (int i = 0; i < 3; ++i) {
    update.tokens = static_cast<double>(engine.accumulate(batch).tokens);
    engine.update(update);
  }
  std::ifstream counts("/proc/self/statm");
  double all = 0, resident = 0;
  if (!(counts >> all >> resident)) return skip("the system does not tell what it has given");
  const double ratio = resident * 4096 / static_cast<double>(plan.total());
  expect(std::abs(ratio - 1) < 0.03, "the memory taken is " + std::to_string(ratio) + " of " +
                                         std::to_string(plan.total()) + " that were planned");
}
#endif

/** The first time as it comes, then recorded, then replayed: the same bits. */
void check_repeats(const std::string& device, const ModelSpec& spec) {
  Watched run(device, spec, options_of(spec, Method::lora));
  run.update(run.accumulate());  // B is no longer 0
  run.forget();
  std::vector<double> losses;
  for (int i = 0; i < 3; ++i) losses.push_back(run.accumulate().loss);
  for (double loss : losses) expect(loss == losses[0], "a replay differs");
  expect(run.seen->repeats == 6, "forward and backward repeat");
  Watched dropping(device, spec, options_of(spec, Method::lora, true));
  dropping.update(dropping.accumulate());
  dropping.forget();
  expect(dropping.accumulate().loss != dropping.accumulate().loss, "masks differ");
  expect(dropping.seen->repeats == 0, "with dropout no two passes are the same");
}

/** Losses of three updates, the third by recorded work. */
std::vector<double> losses_of(std::unique_ptr<Backend> backend, const ModelSpec& spec) {
  Engine engine(spec, options_of(spec, Method::lora), std::move(backend));
  fill(engine);
  const Batch batch = batch_of(spec, kTokens);
  std::vector<double> losses;
  UpdateOptions update;
  update.learning_rate = 0.02;
  for (int i = 0; i < 3; ++i) {
    const BatchSums sums = engine.accumulate(batch);
    update.tokens = static_cast<double>(sums.tokens);
    engine.update(update);
    losses.push_back(sums.loss);
  }
  return losses;
}

/** Whole steps take the kernels of Hopper, whose losses are those of the others but for rounding.
 */
TEST(step_hopper) {
  ModelSpec spec = rotary();
  spec.heads = 2;
  spec.kv_heads = 1;
  spec.head_size = 64;
  spec.inverse_frequencies.clear();
  for (int i = 0; i < 32; ++i)
    spec.inverse_frequencies.push_back(std::pow(1e-4f, static_cast<float>(i) / 32));
  for (const std::string& device : device_names()) {
    if (device != "cuda-host") continue;
    run(device, [&] {
      const std::vector<double> plain = losses_of(backend_of(device), spec);
      auto before = cuda::host::launches();
      const std::vector<double> own = losses_of(hopper_of(device), spec);
      auto after = cuda::host::launches();
      for (const char* kernel :
           {"attention_hopper", "attention_keys_hopper", "attention_queries_hopper"})
        expect(after[kernel] == before[kernel] + 3 * spec.layers,
               std::string(kernel) + " in each layer");
      expect_close("losses", own, plain, 2e-3);
      expect(own[2] < own[0], "the loss falls");
    });
  }
}

TEST(step) {
#ifndef __SANITIZE_ADDRESS__
  for (Method method : {Method::full, Method::lora})
    run(std::string("memory as planned ") + (method == Method::full ? "full" : "lora"),
        [&] { check_peak(method); });
#endif
  for (const std::string& device : device_names()) {
    for (const Shape& shape : shapes()) {
      // What is asked of a back end hardly depends on which one it is.
      if (device == "cuda-host" && shape.spec.pre_norm && !shape.spec.rotary) continue;
      const std::string where = std::string(shape.name) + " " + device;
      for (Method method : {Method::full, Method::lora}) {
        const std::string what = method == Method::full ? "full " : "lora ";
        run("no allocation " + what + where, [&] { check_memory(device, shape.spec, method); });
        run("recompute by plan " + what + where, [&] { check_plan(device, shape.spec, method); });
      }
      run("frozen weights " + where, [&] { check_frozen(device, shape.spec); });
      run("the lowest gradient " + where, [&] { check_lowest(device, shape.spec); });
      run("repeats " + where, [&] { check_repeats(device, shape.spec); });
    }
  }
}

}  // namespace
}  // namespace attune::test
