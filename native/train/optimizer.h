// One optimizer step over everything that is trained.
#pragma once
#include "backend/backend.h"
#include "model/params.h"

namespace attune {

/** Mirrors `UpdateOptions` of src/native/addon.d.ts. */
struct UpdateOptions {
  double learning_rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  double max_grad_norm = 0;  // 0: no clipping
  double tokens = 1;         // divisor of the summed gradients
};

struct UpdateResult {
  double grad_norm = 0;  // of the divided gradient, before clipping
  bool applied = false;
};

class Optimizer {
 public:
  Optimizer(Backend& backend, Parameters& parameters)
      : backend_(backend), parameters_(parameters) {}

  /**
   * Divides the gradients, clips them to `max_grad_norm` (torch's rule: factor
   * max / (norm + 1e-6), at most 1) and steps AdamW. A norm that is not finite or whose
   * square a moment cannot hold (1e18, after clipping), or a step that is not `usable`, leaves
   * weights, moments and the step count untouched. The gradients are cleared either way.
   */
  UpdateResult update(const UpdateOptions&, bool usable = true);

  /** Updates that were applied. */
  uint64_t steps() const { return static_cast<uint64_t>(step_); }

  /** Goes on as after `steps` updates; the gradients are cleared. */
  void restore(uint64_t steps);

 private:
  void clear_gradients();

  Backend& backend_;
  Parameters& parameters_;
  int64_t step_ = 0;
};

}  // namespace attune
