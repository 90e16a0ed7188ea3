// A back end that computes nothing and counts what the CUDA back end must multiply and move for
// the ops of a layer's products: a model, to stand beside what is measured.
#pragma once
#include "backend/cuda/runtime.h"
#include "shapes.h"
#include "tools/passing_backend.h"

namespace attune::bench {

/**
 * Products are counted in operations, their depth in whole steps of 64, as tensor cores take it;
 * what reads rather than multiplies in bytes: each operand once, and the parts of sums that blocks
 * leave once, written (they are read again at once, from the L2 cache).
 */
struct Counted {
  double operations = 0, bytes = 0;
  double parts = 0;  // of the bytes
};

/** Seconds at these rates, nothing overlapping. */
inline double seconds_of(const Counted& counted, const Ceilings& ceilings) {
  return counted.operations / ceilings.product + counted.bytes / ceilings.bandwidth;
}

class Ledger final : public PassingBackend {
 public:
  /** Of a device with these facts, of which no one is needed. */
  explicit Ledger(const cuda::DeviceFacts& facts) : PassingBackend(nullptr), facts_(facts) {}

  /** What was asked for since the last call. */
  Counted take() { return std::exchange(counted_, {}); }

  /** Addresses that nobody reads. */
  void* allocate(size_t) override { return reinterpret_cast<void*>(4096); }
  void release(void*) override {}
  void matmul(const MatmulArgs&) override;
  void adapter_backward(const AdapterBackwardArgs&) override;
  void activation(const ActivationArgs&) override;
  void activation_backward(const ActivationBackwardArgs&) override;
  void cast(const CastArgs&) override;

 private:
  void add_bytes(double bytes) { counted_.bytes += bytes; }
  void add_parts(double floats);

  cuda::DeviceFacts facts_;
  Counted counted_;
};

/** What adapters of `rank` add to the products of one layer of the shape, both passes. */
struct AdapterCost {
  Counted bare, adapted;
  /** Over the products alone: the activation is left out of what is compared with. */
  double share(const Ceilings& ceilings) const {
    return (seconds_of(adapted, ceilings) - seconds_of(bare, ceilings)) /
           (bare.operations / ceilings.product);
  }
};
AdapterCost adapter_cost(const std::string& shape, int64_t rank, int64_t tokens,
                         const cuda::DeviceFacts& facts);

/** The devices of the model: dense bfloat16 products at 800 TFLOP/s, memory as specified. */
constexpr Ceilings kH100 = {800e12, 3.35e12}, kH200 = {800e12, 4.8e12};
/** 132 multiprocessors, 227 KiB of shared memory for a block. */
cuda::DeviceFacts hopper_facts();

}  // namespace attune::bench
