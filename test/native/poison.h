// A back end that makes one number of what its n-th op has written not finite.
#pragma once
#include <memory>
#include <utility>

#include "tools/passing_backend.h"

namespace attune::test {

/** Which write is spoilt, and with what; counts the writes. */
struct Spoil {
  int64_t at = -1;  // of all writes, from 0; -1: none
  float value = 0;
  int64_t writes = 0;
};

class Poison final : public PassingBackend {
 public:
  Poison(std::unique_ptr<Backend> inner, std::shared_ptr<Spoil> spoil)
      : PassingBackend(std::move(inner)), spoil_(std::move(spoil)) {}

  /** Nothing is recorded: each write is seen each time. */
  void repeat(uint64_t, const std::function<void()>& work) override { work(); }

  void matmul(const MatmulArgs& args) override {
    PassingBackend::matmul(args);
    wrote(args.c);
  }
  void adapter_backward(const AdapterBackwardArgs& args) override {
    PassingBackend::adapter_backward(args);
    wrote(args.adapter.d_b);
    wrote(args.adapter.d_low);
  }
  void column_sum(const ColumnSumArgs& args) override {
    PassingBackend::column_sum(args);
    wrote(args.sums);
  }
  void embedding(const EmbeddingArgs& args) override {
    PassingBackend::embedding(args);
    wrote(args.out);
  }
  void embedding_backward(const EmbeddingBackwardArgs& args) override {
    PassingBackend::embedding_backward(args);
    wrote(args.d_table);
  }
  void gather_rows(const GatherRowsArgs& args) override {
    PassingBackend::gather_rows(args);
    wrote(args.out);
  }
  void scatter_rows(const ScatterRowsArgs& args) override {
    PassingBackend::scatter_rows(args);
    wrote(args.out);
  }
  void norm(const NormArgs& args) override {
    PassingBackend::norm(args);
    wrote(args.y);
    wrote(args.sum);
    wrote(args.stats);
  }
  void norm_backward(const NormBackwardArgs& args) override {
    PassingBackend::norm_backward(args);
    wrote(args.d_x);
    wrote(args.d_weight);
    wrote(args.d_bias);
  }
  void add(const AddArgs& args) override {
    PassingBackend::add(args);
    wrote(args.out);
  }
  void rope(const RopeArgs& args) override {
    PassingBackend::rope(args);
    wrote(args.x);
  }
  void attention(const AttentionArgs& args) override {
    PassingBackend::attention(args);
    wrote(args.out);
    wrote(args.lse);
  }
  void attention_backward(const AttentionBackwardArgs& args) override {
    PassingBackend::attention_backward(args);
    wrote(args.d_q);
    wrote(args.d_k);
    wrote(args.d_v);
  }
  void activation(const ActivationArgs& args) override {
    PassingBackend::activation(args);
    wrote(args.out);
    wrote(args.adapter.low);
  }
  void activation_backward(const ActivationBackwardArgs& args) override {
    PassingBackend::activation_backward(args);
    wrote(args.d_x);
    wrote(args.d_up);
    for (const AdapterOutput* adapter : {&args.x_adapter, &args.up_adapter}) {
      wrote(adapter->d_b);
      wrote(adapter->d_low);
    }
    wrote(args.out_adapter.d_a);
  }
  void cross_entropy(const CrossEntropyArgs& args) override {
    PassingBackend::cross_entropy(args);
    wrote(args.gradient);
    wrote(args.loss);
  }
  void cast(const CastArgs& args) override {
    PassingBackend::cast(args);
    wrote(args.out);
  }
  void dropout(const DropoutArgs& args) override {
    PassingBackend::dropout(args);
    wrote(args.y);
  }

 private:
  void wrote(const Tensor& tensor) {
    if (!tensor || spoil_->writes++ != spoil_->at) return;
    const uint16_t half = f32_to_bf16(spoil_->value);
    if (tensor.dtype == DType::bf16)
      upload(tensor.data, &half, sizeof half);
    else
      upload(tensor.data, &spoil_->value, sizeof spoil_->value);
  }
  void wrote(float* values) {
    if (values) wrote(Tensor(values, DType::f32, 1, 1));
  }

  std::shared_ptr<Spoil> spoil_;
};

}  // namespace attune::test
