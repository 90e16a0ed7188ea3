// The products of one layer and the activation between them, on buffers of their own.
#pragma once
#include "core/arena.h"
#include "model/linear.h"

namespace attune::bench {

class LayerProducts {
 public:
  /** `layer` is one of an engine's, gated and with adapters on all products. */
  LayerProducts(Backend& backend, const ModelSpec& spec, const EngineOptions& options,
                const Layer& layer, int64_t tokens);
  ~LayerProducts() { backend_.release(memory_); }
  LayerProducts(const LayerProducts&) = delete;
  LayerProducts& operator=(const LayerProducts&) = delete;

  // With adapters or without, as the decoder runs them.
  void attention_forward(bool adapters);  // q, k, v and o
  void mlp_forward(bool adapters);        // gate and up, the activation, down
  void attention_backward(bool adapters);
  void mlp_backward(bool adapters);
  /** The activation alone, both ways, as it is without adapters. */
  void activation();
  /** Whatever is read, as random numbers. */
  void randomise();

 private:
  void place(Arena& arena);
  LinearContext context(bool adapters) const;
  void activation_forward(const AdapterInput& adapter);
  void activation_backward(bool adapters);

  Backend& backend_;
  const ModelSpec& spec_;
  const EngineOptions& options_;
  const Layer& layer_;
  const int64_t tokens_;
  void* memory_ = nullptr;
  Tensor x_, qkv_, attended_, up_, hidden_, delta_;
  Tensor d_x_, d_attended_, d_up_, d_hidden_;  // d_up apart, so that runs do not change what they read
  Tensor qkv_low_, out_low_, up_low_, down_low_;
};

}  // namespace attune::bench
