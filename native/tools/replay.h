// Makes the calls of a record again, on any device, and compares what they give.
#pragma once
#include <string>
#include <vector>

#include "tools/device.h"
#include "tools/record.h"

namespace attune {

/** One optimizer step: the mean loss over its trained tokens, the norm before clipping. */
struct Step {
  double loss = 0, grad_norm = 0;
  bool applied = false;
  int64_t tokens = 0;  // read, trained or not
  double seconds = 0;
};

struct Replay {
  std::vector<Step> recorded, replayed;
  MemoryPlan plan;
  uint64_t peak = 0;
  std::string peak_source;

  /** Largest |difference| of the losses; NaN where one of them is. */
  double loss_difference() const;
  /** Their root mean square. */
  double loss_distance() const;
  /** Largest relative difference of the gradient norms. */
  double norm_difference() const;
  /** Whether the same steps were applied, and every number has the same bits. */
  bool equal() const;
  /** Over the steps after the first two: a first one loads and chooses, a second records. */
  double tokens_per_second() const;
};

/** `steps`: at most so many of the record's; below 0: all. */
Replay replay(const Record& record, const std::string& device, DType dtype, int64_t steps);

}  // namespace attune
