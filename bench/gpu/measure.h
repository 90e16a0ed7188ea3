// Measurements of a device: its ceilings, a step of training with its parts, the cost of adapters.
#pragma once
#include <string>

#include "shapes.h"
#include "tools/json.h"

namespace attune::bench {

/** Copying on the device, and a large bfloat16 product on random numbers; medians. */
Ceilings measure_ceilings(const std::string& device, Backend& backend);

struct StepRequest {
  std::string device, shape;
  int64_t rank = 16;           // 0: every weight is trained
  int64_t length = 4096;       // tokens of a document
  int64_t tokens = 16384;      // of a micro-batch
  int64_t micro_batches = 1;   // of a step
  int64_t steps = 10;          // that are timed
  int64_t layers = 0;          // 0: the shape's own
  bool parts = true;
};

/** Whole training on random weights: tokens per second, share of the limit, memory, parts. */
Json measure_step(const StepRequest& request);

/** The products of a layer of the shape with adapters and without, both ways, and the model. */
Json measure_adapters(const std::string& device, const std::string& shape, int64_t rank,
                      int64_t tokens);

double median(std::vector<double> values);

}  // namespace attune::bench
