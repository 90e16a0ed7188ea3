// The CPU kernels of one instruction set. Every .cpp of the group `kernels` in sources.json is
// compiled once per set, with ATTUNE_ISA naming it, into its own namespace; the sources are the
// same.
//
// Code here must leave nothing for the linker to merge between sets (an AVX-512 copy of a shared
// inline function would crash an older processor): only static functions, no standard containers,
// no exceptions. test/rules checks the object files.
#pragma once
#include "backend/cpu/host.h"

namespace attune {
namespace ATTUNE_ISA {

class Kernels final : public HostBackend {
 public:
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
  void cross_entropy(const CrossEntropyArgs&) override;
  void sums(const SumsArgs&) override;
  double square_sum(const SquareSumArgs&) override;
  void adamw(const AdamwArgs&) override;
  void cast(const CastArgs&) override;
  void dropout(const DropoutArgs&) override;

 protected:
  void plain_activation(const ActivationArgs&) override;
  void plain_activation_backward(const ActivationBackwardArgs&) override;
  void builtin_matmul(const MatmulArgs&) override;
  bool thin_matmul(const MatmulArgs&) override;
};

/** kernels.cpp: the only symbol the registry asks for. */
HostBackend* make_kernels();

}  // namespace ATTUNE_ISA
}  // namespace attune
