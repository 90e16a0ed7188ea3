// One micro-batch, as src/batch/batch.ts makes it: a flat row of T tokens, S documents.
#pragma once
#include <cstdint>
#include <vector>

#include "model/spec.h"

namespace attune {

/** The target of a position that is not trained. */
constexpr int32_t kIgnore = -100;

struct Batch {
  std::vector<int32_t> tokens, targets, positions;
  std::vector<int32_t> segments;  // S + 1 starts, the last one T

  int64_t size() const { return static_cast<int64_t>(tokens.size()); }
  int64_t documents() const { return static_cast<int64_t>(segments.size()) - 1; }
};

/** The positions of a batch that have a target, and their targets. */
struct Supervised {
  std::vector<int32_t> rows, targets;
};

Supervised supervised_of(const Batch&);

/** Throws Code::shape or Code::data naming the first entry that is out of range. */
void validate(const Batch&, const ModelSpec&, int64_t max_tokens);

}  // namespace attune
