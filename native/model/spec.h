// A decoder as switches and sizes. No model family has a name here: families are data in src/arch,
// and a new one must not change this folder unless it brings a new switch.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "ops/activation.h"
#include "ops/cross_entropy.h"
#include "ops/norm.h"

namespace attune {

/** Mirrors `ModelSpec` of src/native/addon.d.ts, which documents the fields. */
struct ModelSpec {
  int64_t vocabulary = 0, hidden = 0, embedding = 0, intermediate = 0;
  int64_t layers = 0, heads = 0, kv_heads = 0, head_size = 0, max_positions = 0;
  NormKind norm = NormKind::rms;
  float norm_epsilon = 1e-5f;
  bool pre_norm = true, final_norm = true;
  bool rotary = true;
  int32_t position_offset = 0;
  std::vector<float> inverse_frequencies;
  float rotary_scale = 1;
  bool attention_bias = false, attention_output_bias = false, mlp_bias = false;
  Activation activation = Activation::silu;
  bool gated = true, tied_head = true;

  bool projects() const { return embedding != hidden; }
  int64_t query_size() const { return heads * head_size; }
  int64_t kv_size() const { return kv_heads * head_size; }
};

enum class Method : uint8_t { full, lora, none };

struct AdapterSpec {
  int64_t rank = 0;
  float scale = 1, dropout = 0;
  std::vector<std::string> modules;
};

struct EngineOptions {
  std::string device = "cpu";
  bool tf32 = false;  // a GPU may round the inputs of float32 products to TF32
  DType dtype = DType::f32;
  Method method = Method::full;
  AdapterSpec adapter;  // rank 0: none
  int64_t max_tokens = 0;
  int64_t recompute = -1;  // layers that the backward pass runs again; -1: as memory asks
  uint64_t seed = 0;
  LossKind loss = LossKind::nll;
  float label_smoothing = 0;
};

/** Throws Code::config or Code::shape naming the first field that makes no sense. */
void validate(const ModelSpec&, const EngineOptions&);

}  // namespace attune
