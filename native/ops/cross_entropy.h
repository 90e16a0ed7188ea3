// Cross-entropy of a chunk of supervised rows, with its gradient written over the logits.
//
// The decoder gathers the supervised rows, multiplies a chunk of them by the head and calls this
// op; rows without a target never reach the head. Per row r with logits z, target y, p =
// softmax(z):
//   nll      = logsumexp(z) - z[y]
//   loss[r]  = (1 - smoothing) * nll + smoothing * (logsumexp(z) - mean(z))      LossKind::nll
//            = p[y] * nll, p[y] taken as a constant (arXiv 2508.05629)           LossKind::dft
//   gradient of the loss, not divided by anything:
//            nll: z_j <- p_j - (1 - smoothing) [j = y] - smoothing / V           dft: p[y] (p_j -
//            [j = y])
//   entropy[r] = -sum p log p (nats);  correct[r] = 1 when the first maximum of z is at y, else 0
//   nll[r]   = plain negative log-likelihood, whatever the loss
//
// Shapes    logits [C, V] float32, targets [C] in [0, V); loss, nll, entropy, correct [C] float32.
// Writes    per-row outputs overwritten, those that are absent not; `gradient` [C, V] (float32 or
// bfloat16) overwritten. It may
//           share the memory of logits (same base address) when its type is float32. Absent
//           (evaluation): no gradient is formed. Sums float32 per row; bit-stable.
#pragma once
#include "core/tensor.h"

namespace attune {

enum class LossKind : uint8_t { nll, dft };

struct CrossEntropyArgs {
  LossKind kind = LossKind::nll;
  float smoothing = 0;
  Tensor logits, gradient;
  const int32_t* targets = nullptr;
  float* loss = nullptr;
  float* nll = nullptr;
  float* entropy = nullptr;
  float* correct = nullptr;
};

}  // namespace attune
