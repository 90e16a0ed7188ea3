// A back end that times another one: a mark in the device's queue behind each op, so that the times
// of a step add up to the step, gaps included. Nothing waits until the times are asked for; while
// it times, nothing runs as a recorded graph.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/passing_backend.h"

namespace attune::bench {

/** What an op does at least: floating-point operations, bytes read and written once each. */
struct Work {
  double flops = 0, bytes = 0;
};

/** All calls of one op with arguments of one shape. */
struct Timing {
  Work work;  // of one call
  int64_t calls = 0;
  double seconds = 0;
  double median = 0;  // of one call
};

class TimedBackend final : public PassingBackend {
 public:
  explicit TimedBackend(std::unique_ptr<Backend> inner) : PassingBackend(std::move(inner)) {}

  /** Pairs of positions that attention scores in a batch: the sum of n (n + 1) / 2. */
  void set_pairs(double pairs) { pairs_ = pairs; }
  /** Only what runs between `start` and `stop` is timed. */
  void start();
  void stop();
  /** By op and shape, such as "product 4096x4096x6144"; since the last `start`s, then cleared. */
  std::map<std::string, Timing> take();

  using PassingBackend::download;
  using PassingBackend::upload;
  void upload(void* device, const void* host, size_t bytes) override;
  void download(void* host, const void* device, size_t bytes) override;
  void zero(void* device, size_t bytes) override;
  void repeat(uint64_t key, const std::function<void()>& work) override {
    on_ ? work() : inner_->repeat(key, work);
  }

  void matmul(const MatmulArgs&) override;
  void adapter_backward(const AdapterBackwardArgs&) override;
  void column_sum(const ColumnSumArgs&) override;
  void embedding(const EmbeddingArgs&) override;
  void embedding_backward(const EmbeddingBackwardArgs&) override;
  void gather_rows(const GatherRowsArgs&) override;
  void scatter_rows(const ScatterRowsArgs&) override;
  void norm(const NormArgs&) override;
  void norm_backward(const NormBackwardArgs&) override;
  void add(const AddArgs&) override;
  void rope(const RopeArgs&) override;
  void attention(const AttentionArgs&) override;
  void attention_backward(const AttentionBackwardArgs&) override;
  void activation(const ActivationArgs&) override;
  void activation_backward(const ActivationBackwardArgs&) override;
  void cross_entropy(const CrossEntropyArgs&) override;
  void sums(const SumsArgs&) override;
  double square_sum(const SquareSumArgs&) override;
  void adamw(const AdamwArgs&) override;
  void cast(const CastArgs&) override;
  void dropout(const DropoutArgs&) override;

 private:
  struct Entry {
    std::string key;
    Work work;
    int64_t from, to;
  };

  /** Marks the end of an op. */
  void ended(const std::string& key, const Work& work);
  /** Reads the times of `entries_` before their marks are used again. */
  void collect();

  double pairs_ = 0;
  bool on_ = false;
  int64_t last_ = 0;
  std::vector<Entry> entries_;
  std::map<std::string, Timing> timings_;
  std::map<std::string, std::vector<double>> samples_;
};

}  // namespace attune::bench
