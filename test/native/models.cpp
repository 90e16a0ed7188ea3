#include "models.h"

#include "core/rng.h"

namespace attune::test {

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

void fill(Engine& engine, bool adapters) {
  uint64_t stream = 0;
  for (Parameter* parameter : engine.parameters().all()) {
    ++stream;
    const bool norm = parameter->name.find("norm.weight") != std::string::npos;
    if (parameter->name.find(adapters ? ".lora_a" : ".lora_") != std::string::npos) continue;
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

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"rotary", rotary()}, {"learned", learned(false)}, {"post-norm", learned(true)}};
  return all;
}

}  // namespace attune::test
