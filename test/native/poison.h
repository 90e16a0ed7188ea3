// A back end that makes one number of what its n-th op has written not finite.
#pragma once
#include <memory>
#include <utility>

#include "watch.h"

namespace attune::test {

/** Which write is spoilt, and with what; counts the writes. */
struct Spoil {
  int64_t at = -1;  // of all writes, from 0; -1: none
  float value = 0;
  int64_t writes = 0;
};

class Poison final : public Watch {
 public:
  Poison(std::unique_ptr<Backend> inner, std::shared_ptr<Spoil> spoil)
      : Watch(std::move(inner), std::make_shared<Seen>()), spoil_(std::move(spoil)) {}

  /** Nothing is recorded: each write is seen each time. */
  void repeat(uint64_t, const std::function<void()>& work) override { work(); }

  void matmul(const MatmulArgs& args) override {
    Watch::matmul(args);
    wrote(args.c);
  }
  void column_sum(const ColumnSumArgs& args) override {
    Watch::column_sum(args);
    wrote(args.sums);
  }
  void embedding(const EmbeddingArgs& args) override {
    Watch::embedding(args);
    wrote(args.out);
  }
  void embedding_backward(const EmbeddingBackwardArgs& args) override {
    Watch::embedding_backward(args);
    wrote(args.d_table);
  }
  void gather_rows(const GatherRowsArgs& args) override {
    Watch::gather_rows(args);
    wrote(args.out);
  }
  void scatter_rows(const ScatterRowsArgs& args) override {
    Watch::scatter_rows(args);
    wrote(args.out);
  }
  void norm(const NormArgs& args) override {
    Watch::norm(args);
    wrote(args.y);
    wrote(args.sum);
    wrote(args.stats);
  }
  void norm_backward(const NormBackwardArgs& args) override {
    Watch::norm_backward(args);
    wrote(args.d_x);
    wrote(args.d_weight);
    wrote(args.d_bias);
  }
  void add(const AddArgs& args) override {
    Watch::add(args);
    wrote(args.out);
  }
  void rope(const RopeArgs& args) override {
    Watch::rope(args);
    wrote(args.x);
  }
  void attention(const AttentionArgs& args) override {
    Watch::attention(args);
    wrote(args.out);
    wrote(args.lse);
  }
  void attention_backward(const AttentionBackwardArgs& args) override {
    Watch::attention_backward(args);
    wrote(args.d_q);
    wrote(args.d_k);
    wrote(args.d_v);
  }
  void activation(const ActivationArgs& args) override {
    Watch::activation(args);
    wrote(args.out);
  }
  void activation_backward(const ActivationBackwardArgs& args) override {
    Watch::activation_backward(args);
    wrote(args.d_x);
    wrote(args.d_up);
  }
  void cross_entropy(const CrossEntropyArgs& args) override {
    Watch::cross_entropy(args);
    wrote(args.gradient);
    wrote(args.loss);
  }
  void cast(const CastArgs& args) override {
    Watch::cast(args);
    wrote(args.out);
  }
  void dropout(const DropoutArgs& args) override {
    Watch::dropout(args);
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
