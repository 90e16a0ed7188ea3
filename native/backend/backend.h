// What a device must do: memory, and one method per op. Every op is pure virtual, so a missing
// kernel is a compile error. Each method's contract is the header of its arguments in ops/.
//
// Calls may be queued; `synchronize` waits. The CPU does both at once.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

#include "ops/activation.h"
#include "ops/adapter.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/optimizer.h"
#include "ops/rope.h"

namespace attune {

class Backend {
 public:
  virtual ~Backend();  // in registry.cpp, so that no instruction set owns the table

  virtual uint64_t memory() = 0;  // bytes an engine may take in all; 0: unknown
  /** Bytes in use now that `allocate` did not give: libraries, workspaces, others; 0: unknown. */
  virtual uint64_t taken() = 0;
  virtual void* allocate(size_t bytes) = 0;  // 64-byte aligned, zeroed; throws Code::memory
  virtual void release(void* memory) = 0;
  virtual void upload(void* device, const void* host, size_t bytes) = 0;
  virtual void download(void* host, const void* device, size_t bytes) = 0;
  /** The same for matrices: rows lie one behind the other on the host, strided on the device. */
  virtual void upload(Tensor device, const void* host) = 0;
  virtual void download(void* host, Tensor device) = 0;
  virtual void zero(void* device, size_t bytes) = 0;
  virtual void synchronize() = 0;
  /** Numbers this point in the order of the calls, for `seconds`. */
  virtual int64_t mark() = 0;
  /** Device time from one mark to another, of the last kMarks; waits for both. */
  virtual double seconds(int64_t from, int64_t to) = 0;
  static constexpr int64_t kMarks = 1 << 14;
  /**
   * Runs `work`, whose ops and arguments are the same whenever `key` is the same, so that a device
   * may record it once and replay it. `work` must not copy to or from the host.
   */
  virtual void repeat(uint64_t key, const std::function<void()>& work) = 0;
  /** Batches are filled up to a multiple of this many tokens, so that more of them are alike. */
  virtual int64_t token_multiple() = 0;
  /** Bytes of logits that exist at a time: enough for products of the head at full speed. */
  virtual size_t logits_bytes() = 0;

  virtual void matmul(const MatmulArgs&) = 0;
  /** Bytes that `matmul` takes beside its operands, and keeps; `taken` does not count them yet. */
  virtual size_t matmul_scratch(const MatmulArgs&) = 0;
  virtual void adapter_backward(const AdapterBackwardArgs&) = 0;
  virtual void column_sum(const ColumnSumArgs&) = 0;
  virtual void embedding(const EmbeddingArgs&) = 0;
  virtual void embedding_backward(const EmbeddingBackwardArgs&) = 0;
  virtual void gather_rows(const GatherRowsArgs&) = 0;
  virtual void scatter_rows(const ScatterRowsArgs&) = 0;
  virtual void norm(const NormArgs&) = 0;
  virtual void norm_backward(const NormBackwardArgs&) = 0;
  virtual void add(const AddArgs&) = 0;
  virtual void rope(const RopeArgs&) = 0;
  virtual void attention(const AttentionArgs&) = 0;
  virtual void attention_backward(const AttentionBackwardArgs&) = 0;
  /** Bytes of AttentionBackwardArgs::scratch for a batch of this many tokens. */
  virtual size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t head_size) = 0;
  virtual void activation(const ActivationArgs&) = 0;
  virtual void activation_backward(const ActivationBackwardArgs&) = 0;
  virtual void cross_entropy(const CrossEntropyArgs&) = 0;
  virtual void sums(const SumsArgs&) = 0;
  virtual double square_sum(const SquareSumArgs&) = 0;
  virtual void adamw(const AdamwArgs&) = 0;
  virtual void cast(const CastArgs&) = 0;
  virtual void dropout(const DropoutArgs&) = 0;
};

}  // namespace attune
