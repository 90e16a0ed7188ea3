#include "model/batch.h"

#include <string>

#include "core/error.h"

namespace attune {

Supervised supervised_of(const Batch& batch) {
  Supervised supervised;
  for (size_t t = 0; t < batch.targets.size(); ++t) {
    if (batch.targets[t] == kIgnore) continue;
    supervised.rows.push_back(static_cast<int32_t>(t));
    supervised.targets.push_back(batch.targets[t]);
  }
  return supervised;
}

void validate(const Batch& batch, const ModelSpec& spec, int64_t max_tokens) {
  const auto T = static_cast<size_t>(batch.size());
  // Takes no memory where there is nothing to refuse.
  const auto refuse = [](const std::string& message) {
    throw Error(Code::shape, "batch", message);
  };
  if (T == 0 || batch.size() > max_tokens)
    refuse(std::to_string(T) + " tokens in a batch planned for 1 to " + std::to_string(max_tokens));
  if (batch.targets.size() != T || batch.positions.size() != T)
    refuse("tokens, targets and positions differ in length");
  if (batch.segments.size() < 2 || batch.segments.front() != 0 ||
      batch.segments.back() != static_cast<int32_t>(T))
    refuse("segments must run from 0 to the number of tokens");
  for (size_t s = 1; s < batch.segments.size(); ++s)
    if (batch.segments[s] <= batch.segments[s - 1])
      refuse("segment " + std::to_string(s - 1) + " is empty");
  const int64_t limit = spec.rotary ? max_tokens : spec.max_positions;
  const auto range = [](size_t t, const char* what, int32_t value, int64_t bound) {
    if (value >= 0 && value < bound) return;
    throw Error(Code::data, "batch",
                std::string(what) + " " + std::to_string(value) + " at position " +
                    std::to_string(t) + " of the batch is outside [0, " + std::to_string(bound) +
                    ")");
  };
  for (size_t t = 0; t < T; ++t) {
    range(t, "token", batch.tokens[t], spec.vocabulary);
    if (batch.targets[t] != kIgnore) range(t, "target", batch.targets[t], spec.vocabulary);
    range(t, "position", batch.positions[t], limit);
  }
}

}  // namespace attune
