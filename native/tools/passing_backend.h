// A back end that passes every call on to another one: for those that watch or time some of them.
#pragma once
#include <memory>
#include <utility>

#include "backend/backend.h"

namespace attune {

class PassingBackend : public Backend {
 public:
  explicit PassingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  uint64_t memory() override { return inner_->memory(); }
  uint64_t taken() override { return inner_->taken(); }
  void* allocate(size_t bytes) override { return inner_->allocate(bytes); }
  void release(void* memory) override { inner_->release(memory); }
  void upload(void* device, const void* host, size_t bytes) override {
    inner_->upload(device, host, bytes);
  }
  void download(void* host, const void* device, size_t bytes) override {
    inner_->download(host, device, bytes);
  }
  void upload(Tensor device, const void* host) override { inner_->upload(device, host); }
  void download(void* host, Tensor device) override { inner_->download(host, device); }
  void zero(void* device, size_t bytes) override { inner_->zero(device, bytes); }
  void synchronize() override { inner_->synchronize(); }
  int64_t mark() override { return inner_->mark(); }
  double seconds(int64_t from, int64_t to) override { return inner_->seconds(from, to); }
  void repeat(uint64_t key, const std::function<void()>& work) override {
    inner_->repeat(key, work);
  }
  int64_t token_multiple() override { return inner_->token_multiple(); }
  size_t logits_bytes() override { return inner_->logits_bytes(); }
  size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t head_size) override {
    return inner_->attention_backward_scratch(tokens, heads, head_size);
  }

  void matmul(const MatmulArgs& args) override { inner_->matmul(args); }
  size_t matmul_scratch(const MatmulArgs& args) override { return inner_->matmul_scratch(args); }
  void adapter_backward(const AdapterBackwardArgs& args) override {
    inner_->adapter_backward(args);
  }
  void column_sum(const ColumnSumArgs& args) override { inner_->column_sum(args); }
  void embedding(const EmbeddingArgs& args) override { inner_->embedding(args); }
  void embedding_backward(const EmbeddingBackwardArgs& args) override {
    inner_->embedding_backward(args);
  }
  void gather_rows(const GatherRowsArgs& args) override { inner_->gather_rows(args); }
  void scatter_rows(const ScatterRowsArgs& args) override { inner_->scatter_rows(args); }
  void norm(const NormArgs& args) override { inner_->norm(args); }
  void norm_backward(const NormBackwardArgs& args) override { inner_->norm_backward(args); }
  void add(const AddArgs& args) override { inner_->add(args); }
  void rope(const RopeArgs& args) override { inner_->rope(args); }
  void attention(const AttentionArgs& args) override { inner_->attention(args); }
  void attention_backward(const AttentionBackwardArgs& args) override {
    inner_->attention_backward(args);
  }
  void activation(const ActivationArgs& args) override { inner_->activation(args); }
  void activation_backward(const ActivationBackwardArgs& args) override {
    inner_->activation_backward(args);
  }
  void cross_entropy(const CrossEntropyArgs& args) override { inner_->cross_entropy(args); }
  void sums(const SumsArgs& args) override { inner_->sums(args); }
  double square_sum(const SquareSumArgs& args) override { return inner_->square_sum(args); }
  void adamw(const AdamwArgs& args) override { inner_->adamw(args); }
  void cast(const CastArgs& args) override { inner_->cast(args); }
  void dropout(const DropoutArgs& args) override { inner_->dropout(args); }

 protected:
  std::unique_ptr<Backend> inner_;
};

}  // namespace attune
