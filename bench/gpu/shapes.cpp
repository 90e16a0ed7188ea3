#include "shapes.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"

namespace attune::bench {

namespace {

struct Shape {
  const char* name;
  int64_t vocabulary, hidden, intermediate, layers, heads, kv_heads, head_size;
  double theta;
  bool tied;
};

constexpr Shape kShapes[] = {
    {"llama-3.1-8b", 128256, 4096, 14336, 32, 32, 8, 128, 500000, false},
    {"llama-3.2-1b", 128256, 2048, 8192, 16, 32, 8, 64, 500000, true},
    {"smollm2-135m", 49152, 576, 1536, 30, 9, 3, 64, 100000, true},
    {"tiny", 512, 64, 160, 2, 4, 2, 16, 10000, false},  // for dry runs
};

double number(int64_t value) { return static_cast<double>(value); }

/** Dense weights of the layers. */
double layer_weights(const ModelSpec& spec) {
  const int64_t D = spec.hidden, Q = spec.query_size(), KV = spec.kv_size(), F = spec.intermediate;
  return number(spec.layers) * number(D * (Q + 2 * KV) + Q * D + 3 * D * F);
}

/** Weights of adapters of `rank` on all seven products of each layer. */
double adapter_weights(const ModelSpec& spec, int64_t rank) {
  const int64_t D = spec.hidden, Q = spec.query_size(), KV = spec.kv_size(), F = spec.intermediate;
  return number(spec.layers * rank) *
         number((D + Q) + 2 * (D + KV) + (Q + D) + 2 * (D + F) + (F + D));
}

constexpr int64_t kPool = 1 << 22;

/** Standard normal numbers times 0.02. */
std::vector<float> make_pool(uint64_t seed) {
  std::vector<float> pool(kPool);
#pragma omp parallel for
  for (int64_t i = 0; i < kPool; i += 2) {
    const Random4 words = philox(seed, 11, static_cast<uint64_t>(i));
    const double radius = std::sqrt(-2 * std::log(1.0 - static_cast<double>(uniform(words.word[0]))));
    const double angle = 6.283185307179586 * static_cast<double>(uniform(words.word[1]));
    pool[static_cast<size_t>(i)] = static_cast<float>(0.02 * radius * std::cos(angle));
    pool[static_cast<size_t>(i + 1)] = static_cast<float>(0.02 * radius * std::sin(angle));
  }
  return pool;
}

}  // namespace

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

ModelSpec shape_of(const std::string& name, int64_t layers) {
  std::string names;
  for (const Shape& shape : kShapes) {
    names += std::string(" ") + shape.name;
    if (name != shape.name) continue;
    ModelSpec spec;
    spec.vocabulary = shape.vocabulary;
    spec.hidden = spec.embedding = shape.hidden;
    spec.intermediate = shape.intermediate;
    spec.layers = layers > 0 ? layers : shape.layers;
    spec.heads = shape.heads;
    spec.kv_heads = shape.kv_heads;
    spec.head_size = shape.head_size;
    spec.max_positions = 131072;
    spec.tied_head = shape.tied;
    for (int64_t i = 0; i < shape.head_size / 2; ++i)
      spec.inverse_frequencies.push_back(
          static_cast<float>(std::pow(shape.theta, -2 * number(i) / number(shape.head_size))));
    return spec;
  }
  throw Error(Code::config, "shape", name + " is unknown; there are" + names);
}

EngineOptions options_of(const ModelSpec& spec, int64_t rank, int64_t max_tokens) {
  EngineOptions options;
  options.dtype = DType::bf16;
  options.method = rank > 0 ? Method::lora : Method::full;
  options.max_tokens = max_tokens;
  options.seed = 42;
  if (rank == 0) return options;
  options.adapter.rank = rank;
  options.adapter.scale = 2;
  for (int64_t i = 0; i < spec.layers; ++i)
    for (const char* module : {"q", "k", "v", "o", "gate", "up", "down"})
      options.adapter.modules.push_back("layers." + std::to_string(i) + "." + module);
  return options;
}

void randomise(Engine& engine, Backend& backend, uint64_t seed) {
  const std::vector<float> pool = make_pool(seed);
  std::vector<uint16_t> half(pool.size());
  for (size_t i = 0; i < pool.size(); ++i) half[i] = f32_to_bf16(pool[i]);
  uint64_t block = 0;
  for (Parameter* parameter : engine.parameters().all()) {
    if (parameter->name.find(".lora_") != std::string::npos) continue;
    const int64_t cols = parameter->cols, step = std::max<int64_t>(1, kPool / 4 / cols);
    for (int64_t first = 0; first < parameter->rows; first += step) {
      const int64_t rows = std::min(step, parameter->rows - first), count = rows * cols;
      check(count <= kPool / 2, Code::config, "randomise", "a row is too long");
      const auto at = static_cast<size_t>(philox(seed, 12, block++).word[0] % (kPool - count));
      const std::vector<float> ones(parameter->vector ? static_cast<size_t>(count) : 0, 1.0f);
      const float* values = parameter->vector ? ones.data() : pool.data() + at;
      const Tensor value = parameter->value.row_range(first, rows);
      if (parameter->master)
        backend.upload(Tensor(parameter->master, DType::f32, parameter->rows, cols)
                           .row_range(first, rows),
                       values);
      if (value.dtype == DType::bf16) {
        backend.upload(value, half.data() + at);
      } else if (parameter->master != parameter->value.data) {
        backend.upload(value, values);
      }
    }
  }
  backend.synchronize();
}

TokenWork work_of(const ModelSpec& spec, int64_t rank, int64_t length, int64_t step_tokens) {
  const int64_t D = spec.hidden, Q = spec.query_size(), KV = spec.kv_size(), F = spec.intermediate;
  const double base = layer_weights(spec) + number(spec.vocabulary * D);
  const double adapters = adapter_weights(spec, rank);
  TokenWork work;
  // Nothing below layer 0 is trained under LoRA: its q, k, v need no gradient of their input.
  work.products = rank > 0 ? 4 * base + 6 * adapters - 2 * number(D * (Q + 2 * KV)) : 6 * base;
  const double product = (number(length) + 1) * number(Q) * number(spec.layers);
  work.attention_forward = 2 * product;
  work.attention_backward = 5 * product;
  // bfloat16. Forward: two norms of a sum read two and write two, rotary, activation. Backward: the
  // norms again and their gradients, rotary, the activation's gradient.
  const double layer = 2 * number(8 * D + 2 * (Q + KV) + 3 * F + 12 * D + 2 * (Q + KV) + 5 * F);
  const double head = number(spec.vocabulary) * 6 + 2 * 12 * number(D);
  const double trained = rank > 0 ? adapters : base + (spec.tied_head ? 0 : number(spec.vocabulary * D));
  work.bytes = number(spec.layers) * layer + head + trained * (34 + 4) / number(step_tokens);
  return work;
}

double least_seconds(const TokenWork& work, const Ceilings& ceilings) {
  return (work.products + work.attention_forward / 0.75 + work.attention_backward / 0.6) /
             ceilings.product +
         work.bytes / ceilings.bandwidth;
}

}  // namespace attune::bench
