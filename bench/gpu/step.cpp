#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/error.h"
#include "core/rng.h"
#include "measure.h"
#include "timed_backend.h"
#include "tools/device.h"

namespace attune::bench {

namespace {

constexpr int64_t kWarm = 3;  // a second step records what repeats
constexpr int64_t kBatches = 4;

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/** Documents of `length` random tokens; each position predicts the next one. */
Batch batch_of(const ModelSpec& spec, int64_t length, int64_t tokens, uint64_t seed) {
  Batch batch;
  batch.segments.push_back(0);
  for (int64_t t = 0; t < tokens; ++t) {
    const uint32_t word = philox(seed, 13, static_cast<uint64_t>(t)).word[0];
    batch.tokens.push_back(static_cast<int32_t>(word % static_cast<uint64_t>(spec.vocabulary)));
    batch.positions.push_back(static_cast<int32_t>(t % length));
    if ((t + 1) % length == 0 || t + 1 == tokens)
      batch.segments.push_back(static_cast<int32_t>(t + 1));
  }
  batch.targets.assign(batch.tokens.begin() + 1, batch.tokens.end());
  batch.targets.push_back(kIgnore);
  for (int32_t end : batch.segments)
    if (end > 0) batch.targets[static_cast<size_t>(end - 1)] = kIgnore;
  return batch;
}

/** One optimizer step; returns the mean loss. */
double step(Engine& engine, const std::vector<Batch>& batches, int64_t first, int64_t count) {
  BatchSums sums;
  for (int64_t i = 0; i < count; ++i) {
    const BatchSums part =
        engine.accumulate(batches[static_cast<size_t>((first + i) % kBatches)]);
    sums.loss += part.loss;
    sums.tokens += part.tokens;
  }
  UpdateOptions options;
  options.learning_rate = 1e-4;
  options.max_grad_norm = 1;
  options.tokens = static_cast<double>(sums.tokens);
  check(engine.update(options).applied, Code::non_finite, "step", "the gradient is not finite");
  return sums.loss / static_cast<double>(sums.tokens);
}

/** Where an op belongs in the table of a step. */
std::string part_of(const std::string& key, const ModelSpec& spec, int64_t rank) {
  const std::string op = key.substr(0, key.find(' '));
  const auto is = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return op == name; });
  };
  if (op == "product") {
    long long m = 0, k = 0, n = 0;
    std::sscanf(key.c_str(), "product %lldx%lldx%lld", &m, &k, &n);
    const auto any = [&](auto test) { return test(m) || test(k) || test(n); };
    if (any([&](long long size) { return size == spec.vocabulary; })) return "head";
    if (any([&](long long size) { return size <= 3 * rank; })) return "adapters";
    return "products";
  }
  if (is({"cross_entropy", "gather_rows", "scatter_rows"})) return "head";
  if (is({"adapter_backward"})) return "adapters";
  if (is({"attention", "attention_backward", "rope"})) return op;
  if (is({"norm", "add_norm", "norm_backward", "add"})) return "norms";
  if (is({"activation", "activation_backward"})) return "activation";
  if (is({"adamw", "square_sum"})) return "optimizer";
  if (is({"embedding", "embedding_backward"})) return "embedding";
  return "copies";
}

struct Part {
  double seconds = 0, least = 0, flops = 0, bytes = 0;
};

Json parts_of(const std::map<std::string, Timing>& timings, const ModelSpec& spec, int64_t rank,
              const Ceilings& ceilings, double steps, double& product_flops) {
  std::map<std::string, Part> parts;
  Json ops = Json::array();
  for (const auto& [key, timing] : timings) {
    const double calls = static_cast<double>(timing.calls) / steps;
    const double least = std::max(timing.work.flops / ceilings.product,
                                  timing.work.bytes / ceilings.bandwidth);
    Part& part = parts[part_of(key, spec, rank)];
    part.seconds += timing.seconds / steps;
    part.least += calls * least;
    part.flops += calls * timing.work.flops;
    part.bytes += calls * timing.work.bytes;
    if (key.compare(0, 7, "product") == 0) product_flops += calls * timing.work.flops;
    Json op = Json::object();
    op.set("op", key).set("calls", calls).set("ms", 1e3 * timing.median);
    op.set("of_limit", least / timing.median);
    if (timing.work.flops > 0) op.set("tflops", timing.work.flops / timing.median / 1e12);
    op.set("gbps", timing.work.bytes / timing.median / 1e9);
    ops.add(op);
  }
  double total = 0;
  for (const auto& [name, part] : parts) total += part.seconds;
  Json table = Json::array();
  for (const auto& [name, part] : parts) {
    Json row = Json::object();
    row.set("part", name).set("ms", 1e3 * part.seconds).set("share", part.seconds / total);
    row.set("limit_ms", 1e3 * part.least).set("of_limit", part.least / part.seconds);
    table.add(row.set("tflops", part.flops / part.seconds / 1e12)
                  .set("gbps", part.bytes / part.seconds / 1e9));
  }
  Json json = Json::object();
  return json.set("ms", 1e3 * total).set("parts", table).set("ops", ops);
}

}  // namespace

Json measure_step(const StepRequest& request) {
  const ModelSpec spec = shape_of(request.shape, request.layers);
  EngineOptions options = options_of(spec, request.rank, request.tokens);
  auto timed = std::make_unique<TimedBackend>(device_backend(request.device, false));
  TimedBackend& backend = *timed;
  const Ceilings ceilings = measure_ceilings(request.device, backend);
  MemoryMeter meter(request.device, backend);
  const double began = now();
  Engine engine(spec, options, std::move(timed));
  randomise(engine, backend, 7);
  meter.restart();
  const MemoryPlan plan = engine.plan();
  const double prepared = now();

  std::vector<Batch> batches;
  for (int64_t i = 0; i < kBatches; ++i)
    batches.push_back(batch_of(spec, request.length, request.tokens, static_cast<uint64_t>(i)));
  double pairs = 0;
  for (size_t s = 1; s < batches[0].segments.size(); ++s) {
    const auto size = static_cast<double>(batches[0].segments[s] - batches[0].segments[s - 1]);
    pairs += size * (size + 1) / 2;
  }
  backend.set_pairs(pairs);

  std::vector<double> seconds, losses;
  const int64_t warm = std::min(kWarm, request.steps);
  for (int64_t i = 0; i < warm + request.steps; ++i) {
    const double start = now();
    losses.push_back(step(engine, batches, i * request.micro_batches, request.micro_batches));
    backend.synchronize();
    if (i >= warm) seconds.push_back(now() - start);
    meter.look(plan);
  }

  const auto tokens = static_cast<double>(request.tokens * request.micro_batches);
  const double rate = tokens / median(seconds);
  const TokenWork work = work_of(spec, request.rank, std::min(request.length, request.tokens),
                                 request.tokens * request.micro_batches);
  const double limit = 1 / least_seconds(work, ceilings);
  const double flops = work.products + work.attention_forward + work.attention_backward;
  Json json = Json::object();
  json.set("device", describe_device(request.device)).set("shape", request.shape);
  json.set("layers", spec.layers).set("rank", request.rank).set("length", request.length);
  json.set("tokens", request.tokens).set("micro_batches", request.micro_batches);
  json.set("product_tflops", ceilings.product / 1e12).set("copy_gbps", ceilings.bandwidth / 1e9);
  json.set("tokens_per_second", rate).set("limit", limit).set("of_limit", rate / limit);
  json.set("model_tflops", flops * rate / 1e12);
  json.set("step_seconds", seconds).set("loss", losses).set("prepare_seconds", prepared - began);
  json.set("plan", describe_plan(plan)).set("peak", meter.peak());
  json.set("peak_over_plan",
           static_cast<double>(meter.peak()) / static_cast<double>(plan.total()));
  json.set("peak_source", meter.source());
  if (!request.parts) return json;

  const int64_t count = std::min<int64_t>(request.steps, 5);
  backend.start();
  for (int64_t i = 0; i < count; ++i)
    step(engine, batches, i * request.micro_batches, request.micro_batches);
  backend.stop();
  double counted = 0;
  json.set("timed", parts_of(backend.take(), spec, request.rank, ceilings,
                             static_cast<double>(count), counted));
  // One position of each document is not trained, and padding may be.
  return json.set("products_counted_over_formula", counted / tokens / work.products);
}

}  // namespace attune::bench
