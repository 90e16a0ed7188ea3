// The ops at the shapes of a model of 135M parameters, as the decoder calls them.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace attune::bench {

constexpr int64_t kTokens = 2048, kHidden = 576, kHeads = 9, kKeyHeads = 3, kHeadSize = 64;
constexpr int64_t kForward = 1536, kVocabulary = 50304;

/** Zero-filled or random memory of a matrix; freed with its owner. */
class Buffer {
 public:
  Buffer(int64_t rows, int64_t cols, DType dtype);
  Buffer& random(uint32_t seed, float scale = 1);
  Tensor view();
  float* f32() { return view().f32(); }
  int32_t* ints() { return static_cast<int32_t*>(view().data); }

 private:
  int64_t rows_, cols_;
  DType dtype_;
  std::vector<uint8_t> bytes_;
};

/** One line of the table: `work` is what `run` does at least, in FLOP or bytes. */
struct Case {
  std::string name;
  DType dtype;
  bool compute;  // work is FLOP, else bytes
  double work;
  std::function<void()> reset;  // puts back what `run` overwrites, before a check
  std::function<void(Backend&)> run;
  std::vector<Tensor> results;  // compared between instruction sets
};

std::vector<Case> make_cases(DType dtype);
void add_linears(std::vector<Case>& cases, DType dtype);  // linear.cpp

}  // namespace attune::bench
