// What all instruction sets share on the CPU: memory, and the choice of the dense product.
#pragma once
#include <vector>

#include "backend/backend.h"
#include "core/pages.h"

namespace attune {

class HostBackend : public Backend {
 public:
  HostBackend();
  ~HostBackend() override;  // in host.cpp, for the same reason as Backend's
  uint64_t memory() override;
  uint64_t taken() override;
  void* allocate(size_t bytes) override;
  void release(void* memory) override;
  void upload(void* device, const void* host, size_t bytes) override;
  void download(void* host, const void* device, size_t bytes) override;
  void upload(Tensor device, const void* host) override;
  void download(void* host, Tensor device) override;
  void zero(void* device, size_t bytes) override;
  void synchronize() override;
  int64_t mark() override;
  double seconds(int64_t from, int64_t to) override;
  void repeat(uint64_t key, const std::function<void()>& work) override;
  int64_t token_multiple() override;
  size_t logits_bytes() override;
  size_t matmul_scratch(const MatmulArgs&) override;
  size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t head_size) override;

  /**
   * `thin_matmul` where it has one; oneDNN where that is present, fast for the types and worth its
   * set-up; else `builtin_matmul`.
   */
  void matmul(const MatmulArgs&) final;
  void adapter_backward(const AdapterBackwardArgs&) final;
  void activation(const ActivationArgs&) final;
  void activation_backward(const ActivationBackwardArgs&) final;

 protected:
  virtual void builtin_matmul(const MatmulArgs&) = 0;
  /** Without adapters, which are products of their own here. */
  virtual void plain_activation(const ActivationArgs&) = 0;
  virtual void plain_activation_backward(const ActivationBackwardArgs&) = 0;
  /** The products of adapters; false for all others. */
  virtual bool thin_matmul(const MatmulArgs&) = 0;

 private:
  std::vector<Pages> blocks_;  // what `allocate` gave
  std::vector<double> marks_;
  int64_t marked_ = 0;
};

/** Bytes of memory of this machine; 0: unknown. */
uint64_t host_memory();

/** Memory of one call, 64-byte aligned, not zeroed; throws Code::memory. */
void* take_scratch(size_t bytes);
void release_scratch(void* memory);

/** oneDNN's product; false when it has none, is absent, or is switched off (ATTUNE_ONEDNN=0). */
bool onednn_matmul(const MatmulArgs&);
/** Bytes that this product takes beside its operands; 0 where it is not oneDNN's. */
size_t onednn_scratch(const MatmulArgs&);
/** "oneDNN x.y.z", or "" when absent or switched off. */
const char* onednn_version();
/** Holds oneDNN to an instruction set no higher than `isa`; called before its first product. */
void onednn_limit_isa(const char* isa);

}  // namespace attune
