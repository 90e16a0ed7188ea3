#include "addon/convert.h"

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace attune {

namespace {

[[noreturn]] void refuse(Napi::Env env, const std::string& message) {
  Napi::TypeError error = Napi::TypeError::New(env, message);
  error.Set("code", code_name(Code::config));
  throw error;
}

[[noreturn]] void refuse(Napi::Env env, const std::string& name, const std::string& expected) {
  refuse(env, name + " must be " + expected);
}

constexpr double kMostExact = 9007199254740991.0;  // 2^53 - 1

Napi::Object object(const Napi::Value& value, const char* name) {
  if (!value.IsObject() || value.IsNull()) refuse(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

double number(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsNumber()) refuse(from.Env(), key, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t integer(const Napi::Object& from, const char* key) {
  return to_integer(from.Get(key), key, -kMostExact, kMostExact);
}

int32_t int32(const Napi::Object& from, const char* key) {
  using Limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(to_integer(from.Get(key), key, Limits::min(), Limits::max()));
}

uint64_t natural(const Napi::Object& from, const char* key) {
  return to_natural(from.Get(key), key);
}

bool boolean(const Napi::Object& from, const char* key) { return to_boolean(from.Get(key), key); }

std::string text(const Napi::Object& from, const char* key) { return to_text(from.Get(key), key); }

std::string path(const Napi::Object& from) { return to_path(from.Get("path")); }

template <class T>
T choice(const Napi::Object& from, const char* key,
         std::initializer_list<std::pair<const char*, T>> names) {
  const std::string value = text(from, key);
  std::string known;
  for (const auto& [name, result] : names) {
    if (value == name) return result;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  refuse(from.Env(), key, "one of " + known + ", not " + value);
}

DType dtype(const Napi::Object& from) {
  return choice<DType>(
      from, "dtype", {{"float32", DType::f32}, {"bfloat16", DType::bf16}, {"float16", DType::f16}});
}

/** value where it is not given. */
Part part(const Napi::Object& from) {
  const Napi::Value value = from.Get("part");
  return value.IsUndefined() ? Part::value : to_part(value);
}

/** The elements as they are now: JavaScript that runs later may take their memory away. */
template <class Array>
auto elements(const Napi::Value& value, napi_typedarray_type type, const char* name,
              const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    refuse(value.Env(), name, expected);
  const Array array = value.As<Array>();
  using Element = std::remove_pointer_t<decltype(value.As<Array>().Data())>;
  std::vector<Element> result(array.ElementLength());
  if (!result.empty())
    std::memcpy(result.data(), value.As<Array>().Data(), result.size() * sizeof(Element));
  return result;
}

template <class T, class Read>
std::vector<T> list(const Napi::Value& value, const char* name, Read read) {
  if (!value.IsArray()) refuse(value.Env(), name, "an array");
  const auto array = value.As<Napi::Array>();
  std::vector<T> result;
  // Its length now: what it holds may be found by a program that makes it longer.
  for (uint32_t i = 0, length = array.Length(); i < length; ++i)
    result.push_back(read(array.Get(i)));
  return result;
}

std::u16string utf16(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsString()) refuse(from.Env(), key, "a string");
  return value.As<Napi::String>().Utf16Value();
}

/** {text, lengths}: strings one behind the other. */
StringList strings(const Napi::Object& from, const char* key) {
  const Napi::Object list = object(from.Get(key), key);
  return {utf16(list, "text"), to_ints(list.Get("lengths"), "lengths")};
}

AdapterSpec to_adapter(const Napi::Value& value) {
  AdapterSpec adapter;
  if (value.IsNull() || value.IsUndefined()) return adapter;
  const Napi::Object from = object(value, "adapter");
  adapter.rank = integer(from, "rank");
  adapter.scale = static_cast<float>(number(from, "scale"));
  adapter.dropout = static_cast<float>(number(from, "dropout"));
  adapter.modules = list<std::string>(from.Get("modules"), "modules", [](const Napi::Value& name) {
    return to_text(name, "modules");
  });
  return adapter;
}

}  // namespace

int64_t to_integer(const Napi::Value& value, const char* name, double least, double most) {
  const double given = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(std::floor(given) == given && given >= -kMostExact && given <= kMostExact))
    refuse(value.Env(), name, "a whole number");
  if (given < least || given > most)
    refuse(value.Env(), name,
           "a whole number from " + std::to_string(static_cast<int64_t>(least)) + " to " +
               std::to_string(static_cast<int64_t>(most)));
  return static_cast<int64_t>(given);
}

uint64_t to_natural(const Napi::Value& value, const char* name) {
  return static_cast<uint64_t>(to_integer(value, name, 0, kMostExact));
}

bool to_boolean(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) refuse(value.Env(), name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string to_text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse(value.Env(), name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::string to_path(const Napi::Value& value) {
  const std::string path = to_text(value, "path");
  if (path.find('\0') != path.npos) refuse(value.Env(), "path", "without a character NUL");
  return path;
}

ModelSpec to_spec(const Napi::Value& value) {
  const Napi::Object from = object(value, "spec");
  ModelSpec spec;
  spec.vocabulary = integer(from, "vocabularySize");
  spec.hidden = integer(from, "hiddenSize");
  spec.embedding = integer(from, "embeddingSize");
  spec.intermediate = integer(from, "intermediateSize");
  spec.layers = integer(from, "layers");
  spec.heads = integer(from, "heads");
  spec.kv_heads = integer(from, "kvHeads");
  spec.head_size = integer(from, "headSize");
  spec.max_positions = integer(from, "maxPositions");
  spec.norm = choice<NormKind>(from, "norm", {{"rms", NormKind::rms}, {"layer", NormKind::layer}});
  spec.norm_epsilon = static_cast<float>(number(from, "normEpsilon"));
  spec.pre_norm = choice<bool>(from, "normPlacement", {{"pre", true}, {"post", false}});
  spec.final_norm = boolean(from, "finalNorm");
  spec.rotary = choice<bool>(from, "position", {{"rotary", true}, {"learned", false}});
  spec.position_offset = int32(from, "positionOffset");
  spec.inverse_frequencies = elements<Napi::Float32Array>(
      from.Get("inverseFrequencies"), napi_float32_array, "inverseFrequencies", "a Float32Array");
  spec.rotary_scale = static_cast<float>(number(from, "rotaryScale"));
  spec.attention_bias = boolean(from, "attentionBias");
  spec.attention_output_bias = boolean(from, "attentionOutputBias");
  spec.mlp_bias = boolean(from, "mlpBias");
  spec.activation = choice<Activation>(from, "activation",
                                       {{"silu", Activation::silu},
                                        {"relu", Activation::relu},
                                        {"gelu", Activation::gelu},
                                        {"gelu_tanh", Activation::gelu_tanh}});
  spec.gated = boolean(from, "gated");
  spec.tied_head = boolean(from, "tiedHead");
  return spec;
}

EngineOptions to_options(const Napi::Value& value) {
  const Napi::Object from = object(value, "options");
  EngineOptions options;
  options.device = text(from, "device");
  options.tf32 = boolean(from, "tf32");
  options.dtype = dtype(from);
  options.method = choice<Method>(
      from, "method", {{"full", Method::full}, {"lora", Method::lora}, {"none", Method::none}});
  options.adapter = to_adapter(from.Get("adapter"));
  options.max_tokens = integer(from, "maxTokens");
  const Napi::Value recompute = from.Get("recompute");
  if (!recompute.IsNull()) options.recompute = integer(from, "recompute");
  options.seed = natural(from, "seed");
  options.loss = choice<LossKind>(from, "loss", {{"nll", LossKind::nll}, {"dft", LossKind::dft}});
  options.label_smoothing = static_cast<float>(number(from, "labelSmoothing"));
  return options;
}

std::vector<int32_t> to_ints(const Napi::Value& value, const char* name) {
  return elements<Napi::Int32Array>(value, napi_int32_array, name, "an Int32Array");
}

std::vector<uint8_t> to_bytes(const Napi::Value& value, const char* name) {
  return elements<Napi::Uint8Array>(value, napi_uint8_array, name, "a Uint8Array");
}

Batch to_batch(const Napi::Value& value) {
  const Napi::Object from = object(value, "batch");
  Batch batch;
  batch.tokens = to_ints(from.Get("tokens"), "tokens");
  batch.targets = to_ints(from.Get("targets"), "targets");
  batch.positions = to_ints(from.Get("positions"), "positions");
  batch.segments = to_ints(from.Get("segments"), "segments");
  return batch;
}

UpdateOptions to_update(const Napi::Value& value) {
  const Napi::Object from = object(value, "options");
  UpdateOptions options;
  options.learning_rate = number(from, "learningRate");
  options.beta1 = number(from, "beta1");
  options.beta2 = number(from, "beta2");
  options.epsilon = number(from, "epsilon");
  options.weight_decay = number(from, "weightDecay");
  options.max_grad_norm = number(from, "maxGradNorm");
  options.tokens = number(from, "tokens");
  return options;
}

std::vector<TensorRead> to_reads(const Napi::Value& value) {
  return list<TensorRead>(value, "reads", [](const Napi::Value& item) {
    const Napi::Object from = object(item, "read");
    return TensorRead{text(from, "name"),     path(from),  natural(from, "offset"),
                      natural(from, "bytes"), dtype(from), part(from)};
  });
}

std::vector<TensorWrite> to_writes(const Napi::Value& value) {
  return list<TensorWrite>(value, "tensors", [](const Napi::Value& item) {
    const Napi::Object from = object(item, "tensor");
    return TensorWrite{text(from, "name"), natural(from, "offset"), dtype(from), part(from)};
  });
}

Part to_part(const Napi::Value& value) {
  const Napi::Object holder = Napi::Object::New(value.Env());
  holder.Set("what", value);
  return choice<Part>(holder, "what",
                      {{"value", Part::value},
                       {"gradient", Part::gradient},
                       {"first", Part::first},
                       {"second", Part::second}});
}

Progress to_progress(const Napi::Value& value) {
  const Napi::Object from = object(value, "progress");
  return {natural(from, "updates"), natural(from, "microBatches")};
}

TextModel to_text_model(const Napi::Value& value) {
  const Napi::Object from = object(value, "model");
  TextModel model;
  model.byte_level = boolean(from, "byteLevel");
  model.steps = list<SplitStep>(from.Get("steps"), "steps", [](const Napi::Value& item) {
    const Napi::Object step = object(item, "step");
    std::vector<uint8_t> classes = to_bytes(step.Get("classes"), "classes");
    const std::vector<uint16_t> table = elements<Napi::Uint16Array>(
        step.Get("transitions"), napi_uint16_array, "transitions", "a Uint16Array");
    const uint64_t width = natural(step, "width");
    return SplitStep(std::move(classes), table, width, boolean(step, "gaps"));
  });
  model.tokens = strings(from, "tokens");
  model.ids = to_ints(from.Get("ids"), "ids");
  model.merges = strings(from, "merges");
  model.ignore_merges = boolean(from, "ignoreMerges");
  const std::u16string mark = utf16(from, "mark");
  if (mark.size() != 1) refuse(value.Env(), "mark", "one UTF-16 unit");
  model.mark = mark[0];
  model.cut_at_marks = boolean(from, "cutAtMarks");
  model.byte_fallback = boolean(from, "byteFallback");
  model.unknown = int32(from, "unknown");
  model.fuse_unknown = boolean(from, "fuseUnknown");
  return model;
}

Napi::Value from(Napi::Env env, const DeviceInfo& device) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", device.id);
  result.Set("kind", device.kind);
  result.Set("name", device.name);
  Napi::Array isas = Napi::Array::New(env);
  for (const std::string& isa : device.isas) isas.Set(isas.Length(), isa);
  result.Set("isas", isas);
  result.Set("isa", device.isa);
  result.Set("product", device.product);
  result.Set("bfloat16", device.bfloat16);
  result.Set("threads", device.threads);
  result.Set("memory", static_cast<double>(device.memory));
  return result;
}

Napi::Value from(Napi::Env env, const MemoryPlan& plan) {
  Napi::Object result = Napi::Object::New(env);
  const auto set = [&](const char* key, size_t bytes) {
    result.Set(key, static_cast<double>(bytes));
  };
  set("weights", plan.weights);
  set("adapters", plan.adapters);
  set("gradients", plan.gradients);
  set("optimizer", plan.optimizer);
  set("activations", plan.activations);
  set("scratch", plan.scratch);
  set("device", plan.device);
  set("total", plan.total());
  set("parameters", static_cast<size_t>(plan.parameters));
  set("recomputedLayers", static_cast<size_t>(plan.recomputed_layers));
  set("trainableParameters", static_cast<size_t>(plan.trainable_parameters));
  return result;
}

Napi::Value from(Napi::Env env, const Parameter& parameter) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("name", parameter.name);
  Napi::Array shape = Napi::Array::New(env);
  if (!parameter.vector) shape.Set(shape.Length(), static_cast<double>(parameter.rows));
  shape.Set(shape.Length(), static_cast<double>(parameter.cols));
  result.Set("shape", shape);
  result.Set("trainable", parameter.trainable);
  return result;
}

Napi::Value from(Napi::Env env, const BatchSums& sums) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("loss", sums.loss);
  result.Set("nll", sums.nll);
  result.Set("entropy", sums.entropy);
  result.Set("correct", sums.correct);
  result.Set("tokens", static_cast<double>(sums.tokens));
  return result;
}

Napi::Value from(Napi::Env env, const UpdateResult& update) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("gradNorm", update.grad_norm);
  result.Set("applied", update.applied);
  return result;
}

Napi::Value from(Napi::Env env, const Progress& progress) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("updates", static_cast<double>(progress.updates));
  result.Set("microBatches", static_cast<double>(progress.micro_batches));
  return result;
}

Napi::Value from(Napi::Env env, const std::shared_ptr<Pages>& bytes) {
  return Napi::Buffer<uint8_t>::New(env, bytes->data(), bytes->size(),
                                    [bytes](Napi::Env, uint8_t*) { static_cast<void>(bytes); });
}

Napi::Value from(Napi::Env env, const std::vector<float>& values) {
  Napi::Float32Array result = Napi::Float32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(result.Data(), values.data(), values.size() * sizeof(float));
  return result;
}

}  // namespace attune
