// From the final stream to the loss: final norm, projection, head, cross-entropy, and back.
//
// Only supervised rows take part. They are gathered a chunk at a time, so that no more than
// chunk x V logits exist, and the gradient of the logits is written over them.
#pragma once
#include <vector>

#include "model/batch.h"
#include "model/linear.h"
#include "model/plan.h"

namespace attune {

/** Sums over the supervised positions of a batch; nothing is divided. */
struct BatchSums {
  double loss = 0, nll = 0, entropy = 0, correct = 0;
  int64_t tokens = 0;
};

/** The residual stream [T, D] and what the last block still has to add to it (may be absent). */
struct Stream {
  Tensor x, delta;
};

class Head {
 public:
  Head(const ModelSpec& spec, const EngineOptions& options, Parameters& parameters,
       Backend& backend, Scratch& scratch)
      : spec_(spec),
        options_(options),
        parameters_(parameters),
        backend_(backend),
        scratch_(scratch) {}

  /**
   * Queues the losses of `rows` (positions in the stream) against `targets`. `d_stream` [T, D],
   * when present, is overwritten with the gradient of the summed loss and the head's own gradients
   * are added up.
   */
  void losses(const LinearContext& context, const Stream& stream, const Supervised& supervised,
              Tensor d_stream);

  /** Waits for the `count` losses queued last; `nll`, when present, receives one value a row. */
  BatchSums sums(int64_t count, std::vector<float>* nll);

  /** float32 logits [rows, V] on the host. */
  std::vector<float> logits(const LinearContext& context, const Stream& stream,
                            const std::vector<int32_t>& rows);

 private:
  struct Chunk {
    int64_t first, count;
    Tensor x, normed, out, low, logits;
  };
  Chunk forward(const LinearContext& context, const Stream& stream, int64_t first, int64_t count);
  void backward(const LinearContext& context, const Chunk& chunk, Tensor d_logits, Tensor d_stream);

  const ModelSpec& spec_;
  const EngineOptions& options_;
  Parameters& parameters_;
  Backend& backend_;
  Scratch& scratch_;
};

}  // namespace attune
