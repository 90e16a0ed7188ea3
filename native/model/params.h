// The parameter table: made from the spec, it alone says which tensors exist, their shapes, which
// are trained and which decay.
//
// Products that share an input (q, k, v; gate, up) are members of one Linear: their weights lie
// one below the other in one matrix, so that one product computes all of them, while each member
// keeps its own name, rows and adapter. The adapters lie around the weights, so that one product
// computes the base and all adapters (linear.h):
//
//                     in        adapters * R
//        out        [ W          B           ]   B block-diagonal: a member's rows, its own columns
//        adapters*R [ A          unused      ]
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/arena.h"
#include "model/spec.h"

namespace attune {

/** One named tensor. Matrices are held in the compute type, vectors in float32. */
struct Parameter {
  std::string name;
  int64_t rows = 1, cols = 0;
  bool vector = false;  // a norm weight or a bias: one dimension, never decayed
  bool trainable = false;
  Tensor value;             // what the kernels read
  float* master = nullptr;  // trainable only: float32; the value itself in float32 training
  float* gradient = nullptr;
  float* first = nullptr;  // moments
  float* second = nullptr;

  int64_t size() const { return rows * cols; }
  bool decays() const { return !vector; }
};

/** One adapted member: y += scale * (x A^T) B^T. */
struct Adapter {
  Parameter* a = nullptr;  // [R, in]
  Parameter* b = nullptr;  // [out, R]
  int64_t column = 0;      // of its R columns among the Linear's
};

struct Member {
  std::string name;  // canonical module name, such as layers.0.q
  int64_t first = 0, out = 0;
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;
  Adapter adapter;
};

struct Linear {
  int64_t in = 0, out = 0;
  std::vector<Member> members;
  Tensor extended;            // [out + adapters * R, in + adapters * R], as above
  Tensor weight;              // [out, in], the part W
  float* bias = nullptr;      // [out]
  float* d_weight = nullptr;  // [out, in], trained only
  float* d_bias = nullptr;
  int64_t adapters = 0;  // members that have one
  Tensor lora_a;         // [adapters * R, in], the part A
  float* d_lora_a = nullptr;
  bool trains() const { return d_weight || d_lora_a; }
};

struct Norm {
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;
};

struct Layer {
  Norm attention_norm, mlp_norm;
  Linear qkv, attention_out, up, down;  // up: gate and up where gated
};

struct ParameterBytes {
  size_t weights = 0, adapters = 0, gradients = 0, optimizer = 0;
};

class Parameters {
 public:
  Parameters(const ModelSpec&, const EngineOptions&);
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  /** Measures (all arenas empty) or places every buffer, class by class. */
  void layout(Arena& weights, Arena& adapters, Arena& gradients, Arena& optimizer);

  Parameter& find(const std::string& name);
  std::vector<Parameter*>& all() { return table_; }
  std::vector<Parameter*> trained();

  Parameter* embedding = nullptr;
  Parameter* position = nullptr;
  Linear project_in, project_out;  // no members where the spec has none
  std::vector<Layer> layers;
  Norm final_norm;
  Linear head;  // tied: its weight is the embedding

 private:
  Parameter* add(const std::string& name, int64_t rows, int64_t cols, bool vector);
  void add_norm(Norm&, const std::string& name);
  void add_linear(Linear&, int64_t in, bool bias, bool adaptable,
                  const std::vector<std::pair<std::string, int64_t>>& members);
  void add_adapters(Linear&);
  void place(Parameter&, Tensor value, float* gradient, Arena& weights, Arena& optimizer);
  void place_single(Parameter&, Arena& weights, Arena& gradients, Arena& optimizer);
  void place_linear(Linear&, Arena& weights, Arena& adapters, Arena& gradients, Arena& optimizer);
  void place_adapters(Linear&, Arena& adapters, Arena& gradients, Arena& optimizer);
  int64_t extra(const Linear& linear) const { return linear.adapters * options_.adapter.rank; }

  const ModelSpec& spec_;
  const EngineOptions& options_;
  std::vector<std::unique_ptr<Parameter>> owned_;
  std::vector<Parameter*> table_;
  std::unordered_map<std::string, Parameter*> names_;
};

}  // namespace attune
