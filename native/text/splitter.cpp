#include "text/splitter.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace attune {

SplitStep::SplitStep(std::vector<uint8_t> each, const std::vector<uint16_t>& table, size_t columns,
                     bool with_gaps)
    : classes(std::move(each)), width(columns), gaps(with_gaps) {
  const auto sound = [](bool condition) {
    check(condition, Code::internal, "split", "the table of a pattern is not sound");
  };
  sound(classes.size() == 0x110000 && width > 0 && width <= 256);
  sound(table.size() % width == 0 && table.size() >= 2 * width);
  // One check for all: each makes its message, and there are a million classes.
  sound(std::all_of(classes.begin(), classes.end(), [this](uint8_t c) { return c < width; }));
  const size_t states = table.size() / width;
  sound(std::all_of(table.begin(), table.end(),
                    [states](uint16_t entry) { return static_cast<size_t>(entry >> 1) < states; }));
  transitions.reserve(table.size());
  for (const uint16_t entry : table)
    transitions.push_back(static_cast<uint32_t>((entry >> 1) * width) << 1 | (entry & 1u));
}

const char16_t* SplitStep::match(const char16_t* from, const char16_t* end, size_t& work) const {
  const uint8_t* const class_of = classes.data();
  const uint32_t* const table = transitions.data();
  const char16_t* found = from;
  const char16_t* at = from;
  size_t row = width;
  while (row != 0) {
    if (at == end) {
      if ((table[row] & 1u) != 0) found = at;
      break;
    }
    const char16_t* next = at;
    const uint32_t entry = table[row + class_of[take_code(next, end)]];
    if ((entry & 1u) != 0) found = at;
    row = entry >> 1;
    at = next;
  }
  work += static_cast<size_t>(at - from) + 1;
  return found;
}

void refuse_gap() {
  throw Error(Code::tokenizer, "split", "a Split that removes text is not supported");
}

void refuse_work() {
  throw Error(Code::tokenizer, "split",
              "a pattern reads the text over and over (its time is not linear): not supported");
}

}  // namespace attune
