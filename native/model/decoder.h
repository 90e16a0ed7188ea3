// The decoder: forward and backward of one packed batch, written once over the spec. Read
// decoder.cpp first: it is the whole model.
//
// A layer is two blocks, attention and feed-forward, each with one norm. A `site` numbers the
// blocks from the bottom: site 2l is layer l's attention, site 2l + 1 its feed-forward.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "model/batch.h"
#include "model/head.h"

namespace attune {

class Decoder {
 public:
  Decoder(const ModelSpec& spec, const EngineOptions& options, Parameters& parameters,
          Backend& backend, Activations& activations, Scratch& scratch, int64_t recompute,
          const std::atomic<bool>& interrupted);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /** Throws `config` where there is nothing to train. */
  void check_trains() const;
  /** Forward and backward; gradients are added up. `micro_batch` numbers the random streams. */
  BatchSums accumulate(const Batch&, uint64_t micro_batch);
  /** Forward only; `nll` receives one value for each supervised position. */
  BatchSums evaluate(const Batch&, std::vector<float>* nll);
  /** [T, V] logits of one document. */
  std::vector<float> logits(const std::vector<int32_t>& tokens);
  /** Appends to the key/value cache and returns the last position's logits. */
  std::vector<float> decode(const std::vector<int32_t>& tokens, bool reset);
  /** Bytes of the key/value cache, which is made when first used. */
  size_t cache_bytes() const;

  bool adapters_on = true;

 private:
  /** One pass over T tokens of S documents. */
  struct Pass {
    int64_t tokens = 0, documents = 0;
    float dropout = 0;
    uint64_t stream = 0;
    bool cached = false;
    int64_t past = 0;
  };

  Pass upload(const Batch&);
  void repeat(const Pass&, int64_t half, const std::function<void()>& work);
  void check_interrupt() const;
  void forward(const Pass&);
  Stream last_stream(const Pass&);
  Tensor embed(const Pass&);
  Tensor norm(const Pass&, int64_t site, Stream&);
  Tensor attention(const Pass&, int64_t site, Tensor input);
  Tensor mlp(const Pass&, int64_t site, Tensor input);
  Tensor project_up(const Pass&, int64_t site, Tensor input);
  void append(const Pass&, int64_t layer, Tensor qkv);

  void backward(const Pass&);
  void recompute(const Pass&, int64_t site);
  Tensor recompute_input(const Pass&, int64_t site);
  void norm_backward(const Pass&, int64_t site, Tensor d_y, Tensor d_x, bool accumulate);
  void attention_backward(const Pass&, int64_t site, Tensor input, Tensor d_y, Tensor d_x);
  void mlp_backward(const Pass&, int64_t site, Tensor input, Tensor d_y, Tensor d_x);
  void embed_backward(const Pass&);
  void rotate(Tensor qkv, bool inverse);

  static constexpr int64_t kLinearsOfLayer = 4;  // qkv, attention_out, up, down
  static Tensor rows(Tensor x, int64_t count) { return x.row_range(0, count); }
  /** `low` buffers may be wider than this Linear's adapters need; absent outside training. */
  static Tensor low_of(const Linear& linear, Tensor low, int64_t count, int64_t rank) {
    if (!low || linear.adapters == 0) return {};
    return Tensor(low.data, low.dtype, count, linear.adapters * rank);
  }
  LinearContext context(const Pass&, int64_t linear) const;
  Layer& layer(int64_t site) { return parameters_.layers[static_cast<size_t>(site / 2)]; }
  LayerActivations& saved(int64_t site) { return activations_.layer(site / 2); }
  Norm& norm_of(int64_t site) {
    return site % 2 == 0 ? layer(site).attention_norm : layer(site).mlp_norm;
  }
  Tensor sum_of(int64_t site);
  float* stats_of(int64_t site);
  int64_t lowest_trained_site() const;

  const ModelSpec& spec_;
  const EngineOptions& options_;
  Parameters& parameters_;
  Backend& backend_;
  Activations& activations_;
  Scratch& scratch_;
  const int64_t recompute_;  // layers that the backward pass runs again (plan.h)
  const std::atomic<bool>& interrupted_;
  Head head_;
  int64_t first_site_;         // the backward pass stops here
  bool trains_below_ = false;  // embeddings or project_in want a gradient
  void* cache_ = nullptr;      // [L, max_tokens, 2 K E]
  int64_t cached_ = 0;         // tokens in it
};

}  // namespace attune
