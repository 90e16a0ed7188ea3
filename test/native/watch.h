// A back end that notes what is asked of another one.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "tools/passing_backend.h"

namespace attune::test {

/** What a Watch has seen; outlives it where the caller holds it. */
struct Seen {
  size_t allocated = 0;  // bytes
  int allocations = 0, downloads = 0, synchronizations = 0, repeats = 0;
  std::vector<MatmulArgs> products;
  std::vector<NormBackwardArgs> norms;
  std::vector<EmbeddingBackwardArgs> tables;
  std::vector<AdamwTensor> updated;
};

class Watch final : public PassingBackend {
 public:
  Watch(std::unique_ptr<Backend> inner, std::shared_ptr<Seen> seen)
      : PassingBackend(std::move(inner)), seen_(std::move(seen)) {}

  uint64_t memory() override { return memory_ ? memory_ : inner_->memory(); }
  void* allocate(size_t bytes) override {
    ++seen_->allocations;
    seen_->allocated += bytes;
    return inner_->allocate(bytes);
  }
  void download(void* host, const void* device, size_t bytes) override {
    ++seen_->downloads;
    inner_->download(host, device, bytes);
  }
  void download(void* host, Tensor device) override {
    ++seen_->downloads;
    inner_->download(host, device);
  }
  void synchronize() override {
    ++seen_->synchronizations;
    inner_->synchronize();
  }
  void repeat(uint64_t key, const std::function<void()>& work) override {
    ++seen_->repeats;
    inner_->repeat(key, work);
  }
  void matmul(const MatmulArgs& args) override {
    seen_->products.push_back(args);
    inner_->matmul(args);
  }
  /** Noted as the two products that it does the work of. */
  void adapter_backward(const AdapterBackwardArgs& args) override {
    MatmulArgs d_b, d_low;
    d_b.a = d_low.a = args.d_y;
    d_b.b = args.adapter.low;
    d_b.c = Tensor(args.adapter.d_b, DType::f32, args.d_y.cols, args.adapter.low.cols);
    d_b.trans_a = d_b.accumulate = true;
    d_low.b = args.adapter.b;
    d_low.c = args.adapter.d_low;
    if (args.adapter.d_b) seen_->products.push_back(d_b);
    seen_->products.push_back(d_low);
    inner_->adapter_backward(args);
  }
  void embedding_backward(const EmbeddingBackwardArgs& args) override {
    seen_->tables.push_back(args);
    inner_->embedding_backward(args);
  }
  void norm_backward(const NormBackwardArgs& args) override {
    seen_->norms.push_back(args);
    inner_->norm_backward(args);
  }
  void adamw(const AdamwArgs& args) override {
    seen_->updated.assign(args.tensors, args.tensors + args.count);
    inner_->adamw(args);
  }

  /** Pretends that the device has so much memory. */
  void limit(uint64_t bytes) { memory_ = bytes; }

 private:
  std::shared_ptr<Seen> seen_;
  uint64_t memory_ = 0;
};

}  // namespace attune::test
