#include "tools/record.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "core/error.h"

namespace attune {

namespace {

constexpr char kMagic[] = "attune record 1\n";
constexpr size_t kMagicSize = sizeof kMagic - 1;
constexpr double kWhole = 9007199254740991.0;  // float64 counts so far

enum Kind : uint32_t { engine = 1, load = 2, restore = 3, accumulate = 4, update = 5 };

/** Takes fields off the front of bytes; nothing is read past their end. */
class Fields {
 public:
  Fields(const uint8_t* bytes, size_t size) : begin_(bytes), at_(bytes), end_(bytes + size) {}

  size_t left() const { return static_cast<size_t>(end_ - at_); }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(Code::data, "record",
                what + " (byte " + std::to_string(at_ - begin_) + " of the record)");
  }

  uint32_t word() {
    uint32_t value;
    std::memcpy(&value, take(4, 1), 4);
    return value;
  }

  double number() {
    double value;
    std::memcpy(&value, take(8, 1), 8);
    return value;
  }

  int64_t integer() {
    const double value = number();
    if (!(std::floor(value) == value && std::fabs(value) <= kWhole)) refuse("no whole number");
    return static_cast<int64_t>(value);
  }

  uint64_t natural() {
    const int64_t value = integer();
    if (value < 0) refuse("a number below 0");
    return static_cast<uint64_t>(value);
  }

  bool flag() {
    const double value = number();
    if (value != 0 && value != 1) refuse("neither true nor false");
    return value == 1;
  }

  std::string text() {
    const size_t size = word();
    const uint8_t* from = take(size, 1);
    return std::string(from, from + size);
  }

  template <class T>
  std::vector<T> array() {
    const size_t count = word();
    const uint8_t* from = take(count, sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), from, count * sizeof(T));
    return values;
  }

  template <class T>
  T choice(std::initializer_list<std::pair<const char*, T>> names) {
    const std::string value = text();
    for (const auto& [name, result] : names)
      if (value == name) return result;
    refuse("an unknown name");
  }

  DType dtype() {
    return choice<DType>(
        {{"float32", DType::f32}, {"bfloat16", DType::bf16}, {"float16", DType::f16}});
  }

  /** The next `size` bytes as fields of their own. */
  Fields part(size_t size) {
    Fields inner(take(size, 1), size);
    inner.begin_ = begin_;
    return inner;
  }

  void done() const {
    if (at_ != end_) refuse(std::to_string(left()) + " bytes too many in a call");
  }

 private:
  const uint8_t* take(size_t count, size_t width) {
    if (count > left() / width) refuse("it ends early");
    const uint8_t* from = at_;
    at_ += count * width;
    return from;
  }

  const uint8_t *begin_, *at_, *end_;
};

ModelSpec read_spec(Fields& from) {
  ModelSpec spec;
  spec.vocabulary = from.integer();
  spec.hidden = from.integer();
  spec.embedding = from.integer();
  spec.intermediate = from.integer();
  spec.layers = from.integer();
  spec.heads = from.integer();
  spec.kv_heads = from.integer();
  spec.head_size = from.integer();
  spec.max_positions = from.integer();
  spec.norm = from.choice<NormKind>({{"rms", NormKind::rms}, {"layer", NormKind::layer}});
  spec.norm_epsilon = static_cast<float>(from.number());
  spec.pre_norm = from.choice<bool>({{"pre", true}, {"post", false}});
  spec.final_norm = from.flag();
  spec.rotary = from.choice<bool>({{"rotary", true}, {"learned", false}});
  const uint64_t offset = from.natural();
  if (offset > INT32_MAX) from.refuse("a table of positions that begins too far");
  spec.position_offset = static_cast<int32_t>(offset);
  spec.inverse_frequencies = from.array<float>();
  spec.rotary_scale = static_cast<float>(from.number());
  spec.attention_bias = from.flag();
  spec.attention_output_bias = from.flag();
  spec.mlp_bias = from.flag();
  spec.activation = from.choice<Activation>({{"silu", Activation::silu},
                                             {"relu", Activation::relu},
                                             {"gelu", Activation::gelu},
                                             {"gelu_tanh", Activation::gelu_tanh}});
  spec.gated = from.flag();
  spec.tied_head = from.flag();
  return spec;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

EngineOptions read_options(Fields& from) {
  EngineOptions options;
  options.device = from.text();
  options.tf32 = from.flag();
  options.dtype = from.dtype();
  options.method =
      from.choice<Method>({{"full", Method::full}, {"lora", Method::lora}, {"none", Method::none}});
  options.adapter.rank = from.integer();
  options.adapter.scale = static_cast<float>(from.number());
  options.adapter.dropout = static_cast<float>(from.number());
  options.adapter.modules = lines_of(from.text());
  options.max_tokens = from.integer();
  options.recompute = from.integer();
  options.seed = from.natural();
  options.loss = from.choice<LossKind>({{"nll", LossKind::nll}, {"dft", LossKind::dft}});
  options.label_smoothing = static_cast<float>(from.number());
  return options;
}

/** A file of the record: inside of its directory. */
std::string file_of(Fields& from, const std::string& dir) {
  const std::string name = from.text(), folder = "files/";
  const bool inside = name.compare(0, folder.size(), folder) == 0 &&
                      name.find('/', folder.size()) == std::string::npos &&
                      name.find('\0') == std::string::npos && name != folder + "..";
  if (!inside) from.refuse("a file outside of the record");
  return dir + "/" + name;
}

LoadCall read_load(Fields& from, const std::string& dir) {
  LoadCall call;
  const uint64_t count = from.natural();
  for (uint64_t i = 0; i < count; ++i) {
    TensorRead read;
    read.name = from.text();
    read.path = file_of(from, dir);
    read.offset = from.natural();
    read.bytes = from.natural();
    read.dtype = from.dtype();
    read.part = from.choice<Part>(
        {{"value", Part::value}, {"first", Part::first}, {"second", Part::second}});
    call.reads.push_back(std::move(read));
  }
  return call;
}

AccumulateCall read_accumulate(Fields& from) {
  AccumulateCall call;
  call.batch.tokens = from.array<int32_t>();
  call.batch.targets = from.array<int32_t>();
  call.batch.positions = from.array<int32_t>();
  call.batch.segments = from.array<int32_t>();
  call.sums.loss = from.number();
  call.sums.nll = from.number();
  call.sums.entropy = from.number();
  call.sums.correct = from.number();
  call.sums.tokens = from.integer();
  return call;
}

UpdateCall read_update(Fields& from) {
  UpdateCall call;
  call.options.learning_rate = from.number();
  call.options.beta1 = from.number();
  call.options.beta2 = from.number();
  call.options.epsilon = from.number();
  call.options.weight_decay = from.number();
  call.options.max_grad_norm = from.number();
  call.options.tokens = from.number();
  call.result.grad_norm = from.number();
  call.result.applied = from.flag();
  return call;
}

Call read_call(uint32_t kind, Fields& from, const std::string& dir) {
  if (kind == Kind::load) return read_load(from, dir);
  if (kind == Kind::restore) {
    const uint64_t updates = from.natural();
    return RestoreCall{{updates, from.natural()}};
  }
  if (kind == Kind::accumulate) return read_accumulate(from);
  if (kind == Kind::update) return read_update(from);
  from.refuse("an unknown call");
}

}  // namespace

Record parse_record(const uint8_t* bytes, size_t size, const std::string& dir) {
  Fields all(bytes, size);
  if (size < kMagicSize || std::memcmp(bytes, kMagic, kMagicSize) != 0)
    all.refuse("it does not begin as a record of this version does");
  all.part(kMagicSize);
  Record record;
  for (bool first = true; first || all.left() > 0; first = false) {
    const uint32_t kind = all.word();
    Fields call = all.part(all.word());
    if (first != (kind == Kind::engine)) call.refuse("a record begins with one engine");
    if (first) {
      record.spec = read_spec(call);
      record.options = read_options(call);
    } else {
      record.calls.push_back(read_call(kind, call, dir));
    }
    call.done();
  }
  return record;
}

Record read_record(const std::string& dir) {
  const std::string path = dir + "/record.bin";
  std::ifstream file(path, std::ios::binary);
  check(file.good(), Code::data, "record", path + ": cannot be read");
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  check(!file.bad(), Code::data, "record", path + ": cannot be read to its end");
  try {
    return parse_record(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), dir);
  } catch (const Error& error) {
    throw Error(Code::data, "record", path + ": " + error.what());
  }
}

}  // namespace attune
