// Models by their sizes alone, and what a step of training them takes at least.
#pragma once
#include <string>
#include <vector>

#include "engine.h"

namespace attune::bench {

/** Names that `shape_of` knows. */
std::vector<std::string> shape_names();

/** A model's spec by name; `layers` above 0 replaces its own. Throws Code::config. */
ModelSpec shape_of(const std::string& name, int64_t layers);

/** LoRA of `rank` on every linear layer, or every weight where it is 0; bfloat16. */
EngineOptions options_of(const ModelSpec& spec, int64_t rank, int64_t max_tokens);

/**
 * Normal values of standard deviation 0.02 in every weight, as models are initialised, and norms of
 * 1. Rows repeat a pool of numbers from places of their own; adapters keep their initial values.
 */
void randomise(Engine& engine, Backend& backend, uint64_t seed);

/** What one device can do, measured: dense products in FLOP/s, memory in bytes/s. */
struct Ceilings {
  double product = 0, bandwidth = 0;
};

/** Floating-point operations and elementwise bytes of one trained token. */
struct TokenWork {
  double products = 0;             // dense: base weights, adapters, head
  double attention_forward = 0;    // causal
  double attention_backward = 0;
  double bytes = 0;                // of what is memory-bound, optimizer included
};

/**
 * Of documents of `length` tokens, all trained, `step_tokens` between two updates, nothing computed
 * twice: two operations a weight forward; under LoRA two backward, since gradients of frozen
 * weights are never formed, and six an adapter weight; four backward otherwise. Attention: two
 * products over the lower triangle forward and five backward.
 */
TokenWork work_of(const ModelSpec& spec, int64_t rank, int64_t length, int64_t step_tokens);

/**
 * Seconds a token takes at least. Attention reaches 0.75 of the rate of dense products forward and
 * 0.6 backward: what the fastest published kernels reach on these devices at 4,096 tokens.
 */
double least_seconds(const TokenWork& work, const Ceilings& ceilings);

}  // namespace attune::bench
