// An engine of sizes that make sense or do not, and calls on it: places of files to load, batches,
// updates, tensors to write. It answers or throws; whatever it has trained is finite.
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "engine.h"
#include "fuzz.h"
#include "tools/passing_backend.h"

using namespace attune;

namespace {

/**
 * The device's memory from the heap, where it is the sanitizer's too, and how much there is asked once:
 * pages of the system's own and its files cost more than what these engines compute.
 */
class Heap : public PassingBackend {
 public:
  using PassingBackend::PassingBackend;

  uint64_t memory() override {
    static const uint64_t all = PassingBackend::memory();
    return all;
  }
  void* allocate(size_t bytes) override {
    constexpr size_t kAlignment = 64;
    const size_t whole = (bytes / kAlignment + 1) * kAlignment;
    void* const memory = std::aligned_alloc(kAlignment, whole);
    check(memory != nullptr, Code::memory, "allocate", "no memory");
    std::memset(memory, 0, whole);
    sizes_[memory] = whole;
    return memory;
  }
  void release(void* memory) override {
    if (memory) ASAN_UNPOISON_MEMORY_REGION(memory, sizes_.at(memory));  // the arenas' gaps
    sizes_.erase(memory);
    std::free(memory);
  }

 private:
  std::map<void*, size_t> sizes_;
};

/** Mostly `usual`; now and then another small number, none, or one beyond every memory. */
int64_t size(Bytes& from, int64_t usual) {
  const uint8_t which = from.byte();
  if (which < 244) return usual;
  const int64_t strange[] = {0, -1, 1, 3, 7, 16, int64_t{1} << 40, (int64_t{1} << 53) - 1,
                             std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(),
                             int64_t{1} << 33, 5};
  return strange[which - 244];
}

float number(Bytes& from, float usual) {
  const uint8_t which = from.byte();
  if (which < 250) return usual;
  const float strange[] = {0, -1, 1e38f, std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity(), 1e-45f};
  return strange[which - 250];
}

ModelSpec spec_of(Bytes& from) {
  ModelSpec spec;
  spec.vocabulary = size(from, 12);
  spec.hidden = size(from, 8);
  spec.embedding = from.below(8) == 7 ? size(from, 4) : spec.hidden;
  spec.intermediate = size(from, 12);
  spec.layers = size(from, 1);
  spec.heads = size(from, 2);
  spec.kv_heads = from.flag() ? spec.heads : size(from, 1);
  spec.head_size = size(from, 4);
  spec.max_positions = size(from, 16);
  spec.norm = from.flag() ? NormKind::rms : NormKind::layer;
  spec.norm_epsilon = number(from, 1e-5f);
  spec.pre_norm = from.flag();
  spec.final_norm = from.flag();
  spec.rotary = from.flag();
  spec.position_offset = from.below(20) == 19 ? static_cast<int32_t>(from.word()) : 0;
  if (spec.rotary)
    for (size_t i = from.below(20) == 19 ? from.below(9) : 2; i > 0; --i)
      spec.inverse_frequencies.push_back(number(from, 1));
  spec.rotary_scale = number(from, 1);
  spec.attention_bias = from.flag();
  spec.attention_output_bias = from.flag();
  spec.mlp_bias = from.flag();
  spec.activation = static_cast<Activation>(from.below(4));
  spec.gated = from.flag();
  spec.tied_head = from.flag();
  return spec;
}

EngineOptions options_of(Bytes& from) {
  EngineOptions options;
  if (from.below(100) == 99) options.device = from.flag() ? "cuda:7" : "";
  options.dtype = from.below(50) == 49 ? DType::f16 : from.flag() ? DType::f32 : DType::bf16;
  options.method = static_cast<Method>(from.below(3));
  if (options.method != Method::full) {
    options.adapter.rank = size(from, 2);
    options.adapter.scale = number(from, 2);
    options.adapter.dropout = from.below(4) == 3 ? number(from, 0.5f) : 0;
  }
  options.max_tokens = size(from, 16);
  options.recompute = from.below(8) == 7 ? size(from, 1) : -1;
  options.seed = from.byte();
  options.loss = from.flag() ? LossKind::nll : LossKind::dft;
  options.label_smoothing = from.below(4) == 3 ? number(from, 0.1f) : 0;
  return options;
}

const char* const kModules[] = {"layers.0.q", "layers.0.v", "layers.0.down", "layers.0.gate",
                                "layers.9.q"};

std::string name_of(Bytes& from, Engine& engine) {
  const auto& all = engine.parameters().all();
  if (all.empty() || from.below(30) == 29) return std::string(from.below(4), static_cast<char>(from.byte()));
  return all[from.below(all.size())]->name;
}

DType dtype_of(Bytes& from) {
  return from.below(3) == 0 ? DType::f32 : from.flag() ? DType::bf16 : DType::f16;
}

Part part_of(Bytes& from) {
  return from.below(4) != 3 ? Part::value : static_cast<Part>(from.below(4));
}

/** A file of small finite numbers of every type. */
std::string weights() {
  static const int file = [] {
    const int made = memfd_create("weights", 0);
    const std::vector<uint16_t> bytes(1 << 12, 0x3c00);
    require(write(made, bytes.data(), 2 * bytes.size()) == static_cast<ssize_t>(2 * bytes.size()));
    return made;
  }();
  return "/proc/self/fd/" + std::to_string(file);
}

void load(Engine& engine, Bytes& from) {
  std::vector<TensorRead> reads;
  for (size_t i = from.below(4); i > 0; --i) {
    TensorRead read;
    read.name = name_of(from, engine);
    read.path = from.below(30) == 29 ? "/nowhere" : weights();
    read.offset = from.below(20) == 19 ? uint64_t{from.word()} << from.below(33) : from.byte();
    read.dtype = dtype_of(from);
    read.part = part_of(from);
    uint64_t elements = 1;
    for (const Parameter* parameter : engine.parameters().all())
      if (parameter->name == read.name) elements = static_cast<uint64_t>(parameter->size());
    read.bytes = from.below(20) == 19 ? from.word() : elements * size_of(read.dtype);
    reads.push_back(read);
  }
  engine.load(reads);
}

Batch batch_of(Bytes& from) {
  Batch batch;
  const size_t tokens = 1 + from.below(from.below(10) == 9 ? 20 : 10);
  const auto entry = [&](int32_t usual) {
    return from.below(60) == 59 ? static_cast<int32_t>(from.word()) : usual;
  };
  batch.segments.push_back(entry(0));
  int32_t position = 0;
  for (size_t i = 0; i < tokens; ++i) {
    batch.tokens.push_back(entry(static_cast<int32_t>(from.below(12))));
    batch.targets.push_back(from.flag() ? kIgnore : entry(static_cast<int32_t>(from.below(12))));
    batch.positions.push_back(entry(position++));
    if (from.below(4) != 3 || i + 1 == tokens) continue;
    batch.segments.push_back(entry(static_cast<int32_t>(i + 1)));
    position = 0;
  }
  batch.segments.push_back(entry(static_cast<int32_t>(tokens)));
  if (from.below(40) == 39) batch.targets.pop_back();
  return batch;
}

UpdateOptions update_of(Bytes& from, double tokens) {
  UpdateOptions options;
  options.learning_rate = number(from, 1e-3f);
  options.beta1 = number(from, 0.9f);
  options.beta2 = number(from, 0.999f);
  options.epsilon = number(from, 1e-8f);
  options.weight_decay = number(from, 0.01f);
  options.max_grad_norm = number(from, 1);
  options.tokens = from.below(10) == 9 ? number(from, 1) : tokens;
  return options;
}

/** One call; `tokens` are those that have a target, since the last update. */
void call(Engine& engine, Bytes& from, double& tokens) {
  switch (from.below(9)) {
    case 0:
      return load(engine, from);
    case 1:
    case 2:
      tokens += static_cast<double>(engine.accumulate(batch_of(from)).tokens);
      return;
    case 3:
      engine.update(update_of(from, tokens));
      tokens = 0;
      return;
    case 4:
      engine.evaluate(batch_of(from));
      return;
    case 5:
      engine.token_losses(batch_of(from));
      return;
    case 6: {
      const size_t header = from.below(20), place = from.below(4) == 3 ? from.below(400) : header;
      const std::vector<TensorWrite> writes{
          {name_of(from, engine), place, dtype_of(from), part_of(from)}};
      engine.snapshot(std::vector<uint8_t>(header), writes);
      return;
    }
    case 7: {
      const std::vector<int32_t> ids = batch_of(from).tokens;
      if (from.flag()) engine.logits(ids);
      else engine.decode(ids, from.flag());
      return;
    }
    default:
      if (from.below(8) == 7) engine.merge();
      else if (from.flag()) engine.restore({from.byte(), from.word()});
      else engine.read(name_of(from, engine), part_of(from));
  }
}

}  // namespace

namespace {

/** Any refusal but that of a state that must not be. */
void take(const Error& error) {
  if (error.code() == Code::internal) std::fprintf(stderr, "%s\n", error.what());
  require(error.code() != Code::internal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Bytes from(data, bytes);
  const ModelSpec spec = spec_of(from);
  EngineOptions options = options_of(from);
  if (options.method != Method::full)
    for (size_t i = from.below(3); i > 0; --i) options.adapter.modules.push_back(kModules[from.below(60) == 59 ? 4 : from.below(4)]);
  try {
    Engine engine(spec, options, std::make_unique<Heap>(make_backend(options.device, false)));
    double tokens = 0;
    for (int calls = 0; calls < 8 && from.left() > 0; ++calls) {
      try {
        call(engine, from, tokens);
      } catch (const Error& error) {
        take(error);
      }
    }
  } catch (const Error& error) {
    take(error);
  }
  return 0;
}
