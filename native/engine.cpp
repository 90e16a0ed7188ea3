#include "engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "io/tensor_file.h"
#include "model/linear.h"
#include "model/plan.h"

namespace attune {

namespace {

constexpr int64_t kBlock = 1 << 17;  // elements converted at a time, in whole rows

int64_t rows_at_a_time(const Parameter& parameter) {
  return std::clamp<int64_t>(kBlock / parameter.cols, 1, parameter.rows);
}

/** Rows [first, first + count) of float32 values in master order. */
Tensor master_rows(float* master, const Parameter& parameter, int64_t first, int64_t count) {
  return Tensor(master, DType::f32, parameter.rows, parameter.cols).row_range(first, count);
}

/** The float32 values that a trained parameter has beside those the kernels read. */
float* part_of(const Parameter& parameter, Part part) {
  float* const values = part == Part::value      ? parameter.master
                        : part == Part::gradient ? parameter.gradient
                        : part == Part::first    ? parameter.first
                                                 : parameter.second;
  check(values != nullptr, Code::config, "read",
        parameter.name + " is frozen: it has no gradient or moments");
  return values;
}

/** Whether no exponent is all ones: one more in its place would carry into the sign. */
template <class Word>
bool all_finite(const uint8_t* bytes, int64_t count, Word exponent) {
  const Word one = exponent & static_cast<Word>(~exponent + 1);
  Word carried = 0;
  for (int64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, bytes + static_cast<size_t>(i) * sizeof word, sizeof word);
    carried |= static_cast<Word>((word & exponent) + one);
  }
  return !(carried >> (8 * sizeof(Word) - 1));
}

bool all_finite(const uint8_t* bytes, DType dtype, int64_t count) {
  if (dtype == DType::f32) return all_finite<uint32_t>(bytes, count, 0x7f800000);
  return all_finite<uint16_t>(bytes, count, dtype == DType::bf16 ? 0x7f80 : 0x7c00);
}

}  // namespace

Engine::Engine(ModelSpec spec, EngineOptions options, std::unique_ptr<Backend> backend)
    : spec_(std::move(spec)), options_(std::move(options)), backend_(std::move(backend)) {
  validate(spec_, options_);
  if (!backend_) backend_ = make_backend(options_.device, options_.tf32);
  const int64_t multiple = backend_->token_multiple();
  options_.max_tokens = (options_.max_tokens + multiple - 1) / multiple * multiple;
  parameters_ = std::make_unique<Parameters>(spec_, options_);
  allocate();
  initialise_adapters();
  decoder_ = std::make_unique<Decoder>(spec_, options_, *parameters_, *backend_, activations_,
                                       scratch_, plan_.recomputed_layers, interrupted_);
  optimizer_ = std::make_unique<Optimizer>(*backend_, *parameters_);
}

MemoryPlan Engine::plan() const {
  MemoryPlan plan = plan_;
  plan.device = backend_->taken();
  return plan;
}

void Engine::layout(Arena* classes, int64_t recompute) {
  const Plan plan(spec_, options_, *parameters_, *backend_, recompute);
  parameters_->layout(classes[0], classes[1], classes[2], classes[3]);
  plan.layout(activations_, classes[4]);
  plan.layout(scratch_, classes[5]);
}

/** Recomputes no more layers than the memory asks for, or as many as the options say. */
void Engine::allocate() {
  constexpr int kClasses = 6;
  const uint64_t memory = backend_->memory();
  const bool choose = options_.recompute < 0 && options_.method != Method::none;
  const int64_t most = spec_.layers - 1;
  int64_t recompute = choose ? 0 : std::clamp<int64_t>(options_.recompute, 0, most);
  size_t total = 0;
  for (;; ++recompute) {
    Arena measured[kClasses];
    layout(measured, recompute);
    total = 0;
    for (const Arena& arena : measured) total += arena.used();
    if (!choose || recompute == most || memory == 0 || total <= memory) break;
  }
  check(memory == 0 || total <= memory, Code::memory, "plan",
        "this run needs " + std::to_string(total >> 20) + " MiB, the device has " +
            std::to_string(memory >> 20) +
            " MiB; lower max_length or per_device_train_batch_size, or train with LoRA");
  Arena classes[kClasses];
  layout(classes, recompute);
  for (Arena& arena : classes) {
    const size_t bytes = arena.used();
    blocks_.emplace_back(backend_->allocate(bytes), Release{backend_.get()});
    arena = Arena(blocks_.back().get());
  }
  layout(classes, recompute);  // places
  plan_.recomputed_layers = recompute;
  plan_.weights = classes[0].used();
  plan_.adapters = classes[1].used();
  plan_.gradients = classes[2].used();
  plan_.optimizer = classes[3].used();
  plan_.activations = classes[4].used();
  const Plan placed(spec_, options_, *parameters_, *backend_, recompute);
  plan_.scratch = classes[5].used() + placed.product_scratch(activations_, scratch_);
  for (const Parameter* parameter : parameters_->all()) {
    plan_.parameters += parameter->size();
    if (parameter->trainable) plan_.trainable_parameters += parameter->size();
  }
}

/** A ~ U(-1/sqrt(in), 1/sqrt(in)), B = 0, as PEFT initialises them. */
void Engine::initialise_adapters() {
  const std::vector<Parameter*>& table = parameters_->all();
  for (size_t p = 0; p < table.size(); ++p) {
    Parameter& parameter = *table[p];
    const std::string suffix = ".lora_a";
    if (parameter.name.size() < suffix.size() ||
        parameter.name.compare(parameter.name.size() - suffix.size(), suffix.size(), suffix) != 0)
      continue;
    const float bound = 1.0f / std::sqrt(static_cast<float>(parameter.cols));
    std::vector<float> values(static_cast<size_t>(parameter.size()));
    for (size_t block = 0; 4 * block < values.size(); ++block) {
      const Random4 words = philox(options_.seed, p, block);
      for (size_t i = 4 * block; i < std::min(values.size(), 4 * block + 4); ++i)
        values[i] = bound * (2 * uniform(words.word[i % 4]) - 1);
    }
    write_rows(parameter, 0, values);
  }
}

/** Stores float32 values from row `first` on, in the master and in the compute copy. */
void Engine::write_rows(Parameter& parameter, int64_t first, const std::vector<float>& values) {
  const auto size = static_cast<int64_t>(values.size());
  const int64_t count = size / parameter.cols;
  if (parameter.master)
    backend_->upload(master_rows(parameter.master, parameter, first, count), values.data());
  if (parameter.master == parameter.value.data) return;
  const DType dtype = parameter.value.dtype;
  std::vector<uint8_t> bytes(values.size() * size_of(dtype));
  convert(values.data(), DType::f32, bytes.data(), dtype, size);
  backend_->upload(parameter.value.row_range(first, count), bytes.data());
}

// Most of the time goes into pages touched for the first time, which several threads share.
void Engine::load(const std::vector<TensorRead>& reads) {
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < reads.size(); ++i) {
    try {
      check(!interrupted_, Code::disposed, "load", "the engine is closing");
      load(reads[i]);
    } catch (...) {
#pragma omp critical
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void Engine::load(const TensorRead& read) {
  Parameter& parameter = parameters_->find(read.name);
  float* const moment = read.part == Part::value ? nullptr : part_of(parameter, read.part);
  const size_t width = size_of(read.dtype);
  check(read.bytes == static_cast<uint64_t>(parameter.size()) * width, Code::checkpoint, "load",
        read.path + ": " + read.name + " needs " + std::to_string(parameter.size()) + " " +
            dtype_name(read.dtype) + " elements, the file gives " + std::to_string(read.bytes) +
            " bytes");
  const TensorReader file(read.path);
  const DType dtype = parameter.value.dtype;
  const int64_t step = rows_at_a_time(parameter);
  std::vector<uint8_t> bytes(static_cast<size_t>(step * parameter.cols) * width);
  for (int64_t first = 0; first < parameter.rows; first += step) {
    const int64_t rows = std::min(step, parameter.rows - first), count = rows * parameter.cols;
    file.read(bytes.data(), read.offset + static_cast<uint64_t>(first * parameter.cols) * width,
              static_cast<size_t>(count) * width);
    if (!moment && !parameter.master && dtype == read.dtype) {
      backend_->upload(parameter.value.row_range(first, rows), bytes.data());
      continue;
    }
    std::vector<float> values(static_cast<size_t>(count));
    convert(bytes.data(), read.dtype, values.data(), DType::f32, count);
    if (moment)
      backend_->upload(master_rows(moment, parameter, first, rows), values.data());
    else
      write_rows(parameter, first, values);
  }
}

BatchSums Engine::accumulate(const Batch& batch) {
  // What is refused changes nothing.
  decoder_->check_trains();
  validate(batch, spec_, options_.max_tokens);
  const bool torn = std::exchange(torn_, true);  // whatever follows, until it is restored
  const BatchSums sums = decoder_->accumulate(batch, micro_batches_);
  torn_ = torn;
  ++micro_batches_;
  finite_ = finite_ && std::isfinite(sums.loss);
  return sums;
}

UpdateResult Engine::update(const UpdateOptions& options) {
  check(!torn_, Code::internal, "update",
        "a micro-batch since the last update has failed; restore the engine first");
  const UpdateResult result = optimizer_->update(options, finite_);
  finite_ = true;
  return result;
}

void Engine::restore(const Progress& progress) {
  optimizer_->restore(progress.updates);
  micro_batches_ = progress.micro_batches;
  finite_ = true;
  torn_ = false;
}

BatchSums Engine::evaluate(const Batch& batch) {
  validate(batch, spec_, options_.max_tokens);
  return decoder_->evaluate(batch, nullptr);
}

std::vector<float> Engine::token_losses(const Batch& batch) {
  validate(batch, spec_, options_.max_tokens);
  std::vector<float> nll;
  decoder_->evaluate(batch, &nll);
  return nll;
}

std::vector<float> Engine::logits(const std::vector<int32_t>& tokens) {
  return decoder_->logits(tokens);
}

std::vector<float> Engine::decode(const std::vector<int32_t>& tokens, bool reset) {
  return decoder_->decode(tokens, reset);
}

void Engine::merge() {
  if (!decoder_->adapters_on) return;
  const LinearContext context(*backend_, options_.adapter.scale, options_.adapter.rank);
  linear_merge(context, parameters_->project_in);
  linear_merge(context, parameters_->project_out);
  for (Layer& layer : parameters_->layers)
    for (Linear* linear : {&layer.qkv, &layer.attention_out, &layer.up, &layer.down})
      linear_merge(context, *linear);
  decoder_->adapters_on = false;
}

/** Runs `piece` over the rows of a tensor that is written, some at a time. */
void Engine::each_piece(const TensorWrite& tensor, const std::function<void(const Piece&)>& piece) {
  Parameter& parameter = parameters_->find(tensor.name);
  const bool held_in_float = tensor.part != Part::value || parameter.master;
  const Tensor held =
      held_in_float ? master_rows(part_of(parameter, tensor.part), parameter, 0, parameter.rows)
                    : parameter.value;
  const auto width = static_cast<int64_t>(size_of(tensor.dtype));
  const int64_t step = rows_at_a_time(parameter);
  for (int64_t first = 0; first < parameter.rows; first += step) {
    const Tensor rows = held.row_range(first, std::min(step, parameter.rows - first));
    piece({rows, tensor.offset + static_cast<uint64_t>(first * parameter.cols * width),
           static_cast<size_t>(rows.size() * width)});
  }
}

/** Brings rows to the host as elements of `dtype`. */
void Engine::fetch(const Tensor& rows, DType dtype, uint8_t* into) {
  if (rows.dtype == dtype) return backend_->download(into, rows);
  std::vector<uint8_t> from(static_cast<size_t>(rows.size()) * size_of(rows.dtype));
  backend_->download(from.data(), rows);
  convert(from.data(), rows.dtype, into, dtype, rows.size());
}

void Engine::save(const std::string& path, const std::vector<uint8_t>& header,
                  const std::vector<TensorWrite>& tensors) {
  TensorWriter file(path);
  file.write(header.data(), 0, header.size());
  backend_->synchronize();
  std::vector<uint8_t> bytes;
  for (const TensorWrite& tensor : tensors)
    each_piece(tensor, [&](const Piece& piece) {
      bytes.resize(std::max(bytes.size(), piece.bytes));
      fetch(piece.rows, tensor.dtype, bytes.data());
      file.write(bytes.data(), piece.offset, piece.bytes);
    });
  file.finish();
}

Pages Engine::snapshot(const std::vector<uint8_t>& header,
                       const std::vector<TensorWrite>& tensors) {
  size_t size = header.size();
  for (const TensorWrite& tensor : tensors) {
    const auto count = static_cast<size_t>(parameters_->find(tensor.name).size());
    size = std::max<size_t>(size, tensor.offset + count * size_of(tensor.dtype));
  }
  Pages bytes(size, "snapshot", false);
  std::copy(header.begin(), header.end(), bytes.data());
  backend_->synchronize();
  for (const TensorWrite& tensor : tensors)
    each_piece(tensor, [&](const Piece& piece) {
      uint8_t* const into = bytes.data() + piece.offset;
      fetch(piece.rows, tensor.dtype, into);
      check(all_finite(into, tensor.dtype, piece.rows.size()), Code::non_finite, "snapshot",
            tensor.name + " holds a value that is not finite");
    });
  return bytes;
}

std::vector<float> Engine::read(const std::string& name, Part part) {
  Parameter& parameter = parameters_->find(name);
  const auto count = static_cast<size_t>(parameter.size());
  std::vector<float> values(count);
  if (part == Part::value && !parameter.master) {
    const DType dtype = parameter.value.dtype;
    std::vector<uint8_t> bytes(count * size_of(dtype));
    backend_->download(bytes.data(), parameter.value);
    convert(bytes.data(), dtype, values.data(), DType::f32, parameter.size());
    return values;
  }
  backend_->download(values.data(), part_of(parameter, part), count * sizeof(float));
  return values;
}

}  // namespace attune
