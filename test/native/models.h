// Small odd models that the engine's tests train.
#pragma once
#include "engine.h"
#include "fixture.h"

namespace attune::test {

struct Shape {
  const char* name;
  ModelSpec spec;
};

/** Rotary, gated, grouped heads, untied. */
ModelSpec rotary();
/** Learned positions, layer norm, biases, tied; projections and post-norm where asked. */
ModelSpec learned(bool post_norm);
const std::vector<Shape>& shapes();

/** LoRA with dropout on most products; `none` with an adapter too. */
EngineOptions options_for(const ModelSpec& spec, DType dtype, Method method, int64_t tokens);

/** Uniform values in every parameter but the adapters', or with their B too; norms near 1. */
void fill(Engine& engine, bool adapters = false);

/** Documents of 1, 2, 3 … tokens until there are `tokens`; two of three positions are trained. */
Batch batch_of(const ModelSpec& spec, int64_t tokens);

}  // namespace attune::test
