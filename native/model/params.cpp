#include "model/params.h"

#include <algorithm>
#include <memory>

#include "core/error.h"

namespace attune {

namespace {

// Each takes memory before any is planned with: a file that lies must not take all of it.
constexpr int64_t kMostLayers = 1 << 12;

void require(bool condition, const std::string& message) {
  check(condition, Code::config, "spec", message);
}

void positive(int64_t value, const char* name) {
  require(value > 0 && value < (int64_t{1} << 31),
          std::string(name) + " must be a positive size, got " + std::to_string(value));
}

}  // namespace

void validate(const ModelSpec& spec, const EngineOptions& options) {
  positive(spec.vocabulary, "vocabularySize");
  positive(spec.hidden, "hiddenSize");
  positive(spec.embedding, "embeddingSize");
  positive(spec.intermediate, "intermediateSize");
  positive(spec.layers, "layers");
  require(spec.layers <= kMostLayers, "layers: at most " + std::to_string(kMostLayers) + ", got " +
                                          std::to_string(spec.layers));
  positive(spec.heads, "heads");
  positive(spec.kv_heads, "kvHeads");
  positive(spec.head_size, "headSize");
  positive(spec.max_positions, "maxPositions");
  positive(options.max_tokens, "maxTokens");
  require(spec.position_offset >= 0,
          "positionOffset must not be negative, got " + std::to_string(spec.position_offset));
  require(spec.heads % spec.kv_heads == 0, "heads must be a multiple of kvHeads");
  require(spec.head_size <= 256, "headSize above 256 is not supported");
  const auto frequencies = static_cast<int64_t>(spec.inverse_frequencies.size());
  require(
      !spec.rotary || (spec.head_size % 2 == 0 && frequencies == spec.head_size / 2),
      "rotary positions need headSize / 2 inverse frequencies, got " + std::to_string(frequencies));
  require(options.dtype != DType::f16, "float16 is not a compute type");
  require(options.label_smoothing >= 0 && options.label_smoothing < 1,
          "labelSmoothing must be in [0, 1)");
  if (options.adapter.rank != 0) positive(options.adapter.rank, "rank");
  require(options.method != Method::lora || options.adapter.rank > 0, "lora needs an adapter");
  require(options.method != Method::full || options.adapter.rank == 0,
          "an adapter is trained with method lora");
  require(options.adapter.dropout >= 0 && options.adapter.dropout < 1, "dropout must be in [0, 1)");
}

Parameters::Parameters(const ModelSpec& spec, const EngineOptions& options)
    : spec_(spec), options_(options) {
  embedding = add("embedding", spec.vocabulary, spec.embedding, false);
  if (!spec.rotary)
    position = add("position", spec.max_positions + spec.position_offset, spec.hidden, false);
  if (spec.projects())
    add_linear(project_in, spec.embedding, false, true, {{"project_in", spec.hidden}});
  layers.resize(static_cast<size_t>(spec.layers));
  for (int64_t i = 0; i < spec.layers; ++i) {
    Layer& layer = layers[static_cast<size_t>(i)];
    const std::string at = "layers." + std::to_string(i) + ".";
    add_norm(layer.attention_norm, at + "attention_norm");
    add_linear(
        layer.qkv, spec.hidden, spec.attention_bias, true,
        {{at + "q", spec.query_size()}, {at + "k", spec.kv_size()}, {at + "v", spec.kv_size()}});
    add_linear(layer.attention_out, spec.query_size(), spec.attention_output_bias, true,
               {{at + "o", spec.hidden}});
    add_norm(layer.mlp_norm, at + "mlp_norm");
    std::vector<std::pair<std::string, int64_t>> up = {{at + "up", spec.intermediate}};
    if (spec.gated) up.insert(up.begin(), {at + "gate", spec.intermediate});
    add_linear(layer.up, spec.hidden, spec.mlp_bias, true, up);
    add_linear(layer.down, spec.intermediate, spec.mlp_bias, true, {{at + "down", spec.hidden}});
  }
  if (spec.final_norm) add_norm(final_norm, "final_norm");
  if (spec.projects())
    add_linear(project_out, spec.hidden, false, true, {{"project_out", spec.embedding}});
  if (!spec.tied_head) add_linear(head, spec.embedding, false, false, {{"head", spec.vocabulary}});

  for (const auto& module : options.adapter.modules)
    require(names_.count(module + ".lora_a"), "no module is called " + module);
}

Parameter* Parameters::add(const std::string& name, int64_t rows, int64_t cols, bool vector) {
  owned_.push_back(std::make_unique<Parameter>());
  Parameter* parameter = owned_.back().get();
  parameter->name = name;
  parameter->rows = rows;
  parameter->cols = cols;
  parameter->vector = vector;
  parameter->trainable = options_.method == Method::full;
  table_.push_back(parameter);
  names_[name] = parameter;
  return parameter;
}

void Parameters::add_norm(Norm& norm, const std::string& name) {
  norm.weight = add(name + ".weight", 1, spec_.hidden, true);
  if (spec_.norm == NormKind::layer) norm.bias = add(name + ".bias", 1, spec_.hidden, true);
}

void Parameters::add_linear(Linear& linear, int64_t in, bool bias, bool adaptable,
                            const std::vector<std::pair<std::string, int64_t>>& members) {
  linear.in = in;
  for (const auto& [name, out] : members) {
    Member member;
    member.name = name;
    member.first = linear.out;
    member.out = out;
    member.weight = add(name + ".weight", out, in, false);
    if (bias) member.bias = add(name + ".bias", 1, out, true);
    linear.members.push_back(member);
    linear.out += out;
  }
  if (adaptable) add_adapters(linear);
}

void Parameters::add_adapters(Linear& linear) {
  const AdapterSpec& spec = options_.adapter;
  for (Member& member : linear.members) {
    if (spec.rank == 0) return;
    if (std::find(spec.modules.begin(), spec.modules.end(), member.name) == spec.modules.end())
      continue;
    member.adapter.a = add(member.name + ".lora_a", spec.rank, linear.in, false);
    member.adapter.b = add(member.name + ".lora_b", member.out, spec.rank, false);
    member.adapter.a->trainable = member.adapter.b->trainable = options_.method == Method::lora;
    member.adapter.column = spec.rank * linear.adapters++;
  }
}

Parameter& Parameters::find(const std::string& name) {
  const auto found = names_.find(name);
  check(found != names_.end(), Code::checkpoint, "parameters", "no parameter is called " + name);
  return *found->second;
}

std::vector<Parameter*> Parameters::trained() {
  std::vector<Parameter*> result;
  for (Parameter* parameter : table_)
    if (parameter->trainable) result.push_back(parameter);
  return result;
}

void Parameters::place(Parameter& parameter, Tensor value, float* gradient, Arena& weights,
                       Arena& optimizer) {
  parameter.value = value;
  if (!parameter.trainable) return;
  const bool direct = value.dtype == DType::f32 && value.contiguous();
  parameter.master = direct ? value.f32() : weights.floats(parameter.size());
  parameter.gradient = gradient;
  parameter.first = optimizer.floats(parameter.size());
  parameter.second = optimizer.floats(parameter.size());
}

void Parameters::place_single(Parameter& parameter, Arena& weights, Arena& gradients,
                              Arena& optimizer) {
  const DType dtype = parameter.vector ? DType::f32 : options_.dtype;
  const Tensor value = weights.tensor(dtype, parameter.rows, parameter.cols);
  place(parameter, value, parameter.trainable ? gradients.floats(parameter.size()) : nullptr,
        weights, optimizer);
}

void Parameters::place_linear(Linear& linear, Arena& weights, Arena& adapters, Arena& gradients,
                              Arena& optimizer) {
  if (linear.members.empty()) return;
  const bool trained = options_.method == Method::full;
  const bool bias = linear.members[0].bias != nullptr;
  const int64_t room = extra(linear);
  linear.extended = weights.roomy(options_.dtype, linear.out + room, linear.in, room);
  linear.extended.cols += room;
  linear.weight = linear.extended.block(0, linear.out, 0, linear.in);
  linear.bias = bias ? weights.floats(linear.out) : nullptr;
  linear.d_weight = trained ? gradients.floats(linear.out * linear.in) : nullptr;
  linear.d_bias = trained && bias ? gradients.floats(linear.out) : nullptr;
  for (Member& member : linear.members) {
    float* d_weight = linear.d_weight ? linear.d_weight + member.first * linear.in : nullptr;
    place(*member.weight, linear.weight.row_range(member.first, member.out), d_weight, weights,
          optimizer);
    if (!bias) continue;
    float* vector = linear.bias ? linear.bias + member.first : nullptr;
    place(*member.bias, Tensor(vector, DType::f32, 1, member.out),
          linear.d_bias ? linear.d_bias + member.first : nullptr, weights, optimizer);
  }
  place_adapters(linear, adapters, gradients, optimizer);
}

void Parameters::place_adapters(Linear& linear, Arena& adapters, Arena& gradients,
                                Arena& optimizer) {
  if (linear.adapters == 0) return;
  const int64_t rank = options_.adapter.rank;
  const bool trained = options_.method == Method::lora;
  linear.lora_a = linear.extended.block(linear.out, extra(linear), 0, linear.in);
  linear.d_lora_a = trained ? gradients.floats(linear.lora_a.size()) : nullptr;
  for (Member& member : linear.members) {
    if (!member.adapter.a) continue;
    const int64_t row = member.adapter.column;
    place(*member.adapter.a, linear.lora_a.row_range(row, rank),
          linear.d_lora_a ? linear.d_lora_a + row * linear.in : nullptr, adapters, optimizer);
    Parameter& b = *member.adapter.b;
    place(b, linear.extended.block(member.first, member.out, linear.in + row, rank),
          trained ? gradients.floats(b.size()) : nullptr, adapters, optimizer);
  }
}

void Parameters::layout(Arena& weights, Arena& adapters, Arena& gradients, Arena& optimizer) {
  const auto single = [&](Parameter* parameter) {
    if (parameter) place_single(*parameter, weights, gradients, optimizer);
  };
  const auto linear = [&](Linear& one) {
    place_linear(one, weights, adapters, gradients, optimizer);
  };
  single(embedding);
  single(position);
  linear(project_in);
  for (Layer& layer : layers) {
    for (Norm* norm : {&layer.attention_norm, &layer.mlp_norm}) {
      single(norm->weight);
      single(norm->bias);
    }
    for (Linear* one : {&layer.qkv, &layer.attention_out, &layer.up, &layer.down}) linear(*one);
  }
  single(final_norm.weight);
  single(final_norm.bias);
  linear(project_out);
  linear(head);
  if (spec_.tied_head) {
    head.in = spec_.embedding;
    head.out = spec_.vocabulary;
    head.weight = head.extended = embedding->value;
    head.d_weight = embedding->gradient;
  }
}

}  // namespace attune
