// Cuts text into the pieces that are merged, by tables that src/tokenizer/pattern makes of the
// patterns of tokenizer.json: one step a character, whatever the pattern.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace attune {

/**
 * A pattern as a table. From the row of a state at a character of class c, transitions[row + c] is
 * twice the row of the next state, plus 1 where a match ends before that character; class 0 is the
 * end of the text. Row 0 is dead, row `width` the start.
 */
struct SplitStep {
  /** Class of every code point [0x110000]. */
  std::vector<uint8_t> classes;
  /** [states, width]. */
  std::vector<uint32_t> transitions;
  size_t width = 0;
  /** Whether text between the matches is a piece too; otherwise there must be none. */
  bool gaps = true;

  /** `table` [states, width] numbers states, not rows. Throws `internal` where a number is none. */
  SplitStep(std::vector<uint8_t> classes, const std::vector<uint16_t>& table, size_t width,
            bool gaps);

  /** Where the match that begins at `from` ends, `from` where there is none; adds to `work`. */
  const char16_t* match(const char16_t* from, const char16_t* end, size_t& work) const;
};

/** The code point at `at`, which is moved behind it; half of a pair counts by itself. */
inline uint32_t take_code(const char16_t*& at, const char16_t* end) {
  const uint32_t unit = *at++;
  if ((unit & 0xfc00u) != 0xd800u || at == end) return unit;
  const uint32_t low = *at;
  if ((low & 0xfc00u) != 0xdc00u) return unit;
  ++at;
  return 0x10000u + ((unit - 0xd800u) << 10) + (low - 0xdc00u);
}

/** Throws `tokenizer`: text would be removed, or read over and over. */
[[noreturn]] void refuse_gap();
[[noreturn]] void refuse_work();

/** Calls piece(begin, end) for each piece of [begin, end) under steps[level], steps[level + 1] … */
template <class Piece>
void split(const std::vector<SplitStep>& steps, size_t level, const char16_t* begin,
           const char16_t* end, const Piece& piece) {
  if (level == steps.size()) {
    if (begin < end) piece(begin, end);
    return;
  }
  const SplitStep& step = steps[level];
  const size_t budget = 64 * static_cast<size_t>(end - begin) + 4096;
  size_t work = 0;
  const char16_t* done = begin;
  for (const char16_t* at = begin; at < end;) {
    const char16_t* const match = step.match(at, end, work);
    if (work > budget) refuse_work();
    if (match == at) {
      take_code(at, end);
      continue;
    }
    if (done < at) {
      if (!step.gaps) refuse_gap();
      split(steps, level + 1, done, at, piece);
    }
    split(steps, level + 1, at, match, piece);
    done = at = match;
  }
  if (done < end) {
    if (!step.gaps) refuse_gap();
    split(steps, level + 1, done, end, piece);
  }
}

}  // namespace attune
