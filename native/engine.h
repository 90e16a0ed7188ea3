// The whole native API: a model, its optimizer and their memory behind a dozen calls. The addon
// includes nothing else but core/error.h; a driver without Node could use it alike.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "core/pages.h"
#include "model/batch.h"
#include "model/decoder.h"
#include "train/optimizer.h"

namespace attune {

/** Bytes by class, as allocated. */
struct MemoryPlan {
  size_t weights = 0, adapters = 0, gradients = 0, optimizer = 0, activations = 0, scratch = 0;
  size_t device = 0;  // in use besides: libraries and workspaces, this process, others on a GPU
  size_t total() const {
    return weights + adapters + gradients + optimizer + activations + scratch + device;
  }
  int64_t parameters = 0, trainable_parameters = 0;
  int64_t recomputed_layers = 0;  // run again in the backward pass, to save memory
};

enum class Part : uint8_t { value, gradient, first, second };

struct TensorRead {
  std::string name, path;
  uint64_t offset = 0, bytes = 0;
  DType dtype = DType::f32;
  Part part = Part::value;
};

struct TensorWrite {
  std::string name;
  uint64_t offset = 0;
  DType dtype = DType::f32;
  Part part = Part::value;
};

/** What an engine counts: AdamW's bias correction and the random streams follow from it. */
struct Progress {
  uint64_t updates = 0;        // applied
  uint64_t micro_batches = 0;  // accumulated
};

/** Not thread-safe: one caller at a time. Documented in src/native/addon.d.ts. */
class Engine {
 public:
  /** `backend`: one that the caller has made, instead of that of `EngineOptions::device`. */
  Engine(ModelSpec, EngineOptions, std::unique_ptr<Backend> backend = nullptr);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /** From any thread: the call in progress ends with Code::disposed. */
  void interrupt() { interrupted_ = true; }

  /** `device` is as it is now, so that what the process took since is in it. */
  MemoryPlan plan() const;
  Parameters& parameters() { return *parameters_; }

  void load(const std::vector<TensorRead>&);
  BatchSums accumulate(const Batch&);
  UpdateResult update(const UpdateOptions&);
  BatchSums evaluate(const Batch&);
  std::vector<float> token_losses(const Batch&);
  std::vector<float> logits(const std::vector<int32_t>& tokens);
  std::vector<float> decode(const std::vector<int32_t>& tokens, bool reset);
  void merge();
  void save(const std::string& path, const std::vector<uint8_t>& header,
            const std::vector<TensorWrite>&);
  Pages snapshot(const std::vector<uint8_t>& header, const std::vector<TensorWrite>&);
  Progress progress() const { return {optimizer_->steps(), micro_batches_}; }
  void restore(const Progress&);
  std::vector<float> read(const std::string& name, Part);

 private:
  struct Release {
    Backend* backend;
    void operator()(void* memory) const { backend->release(memory); }
  };

  void layout(Arena* classes, int64_t recompute);
  void allocate();
  void initialise_adapters();
  void load(const TensorRead&);
  void write_rows(Parameter&, int64_t first, const std::vector<float>&);
  /** Rows as they are held; where in a file they go, and their bytes there. */
  struct Piece {
    Tensor rows;
    uint64_t offset;
    size_t bytes;
  };
  void each_piece(const TensorWrite&, const std::function<void(const Piece&)>&);
  void fetch(const Tensor& rows, DType, uint8_t* into);

  const ModelSpec spec_;
  EngineOptions options_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Parameters> parameters_;
  Activations activations_;
  Scratch scratch_;
  MemoryPlan plan_;
  std::vector<std::unique_ptr<void, Release>> blocks_;  // released after what points into them
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Optimizer> optimizer_;
  uint64_t micro_batches_ = 0;
  bool finite_ = true;  // every loss since the last update
  bool torn_ = false;   // a micro-batch since the last update has failed
  std::atomic<bool> interrupted_{false};
};

}  // namespace attune
