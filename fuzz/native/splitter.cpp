// Tables of patterns and texts that are cut by them. Pieces are none of them empty, lie in order, and
// are all of the text; a table that is not sound is refused.
#include <string>
#include <vector>

#include "core/error.h"
#include "fuzz.h"
#include "text/splitter.h"

using namespace attune;

namespace {

constexpr size_t kLetters = 0x300;

/** A step to begin with, made once: its table of all code points costs more than all else here. */
SplitStep blank() {
  return SplitStep(std::vector<uint8_t>(0x110000, 0), std::vector<uint16_t>(2, 0), 1, true);
}

std::vector<uint16_t> table(Bytes& from, size_t width) {
  const size_t states = 2 + from.below(6);
  std::vector<uint16_t> entries(states * width);
  for (uint16_t& entry : entries) entry = static_cast<uint16_t>(from.below(2 * states));
  return entries;
}

/** The constructor's own checks, on a table that need not be sound. */
void construct(Bytes& from) {
  const size_t width = from.below(300);
  std::vector<uint16_t> entries(from.below(40));
  for (uint16_t& entry : entries) entry = from.byte();
  std::vector<uint8_t> classes(from.flag() ? 0x110000 : from.below(1000), from.byte());
  try {
    const SplitStep step(std::move(classes), entries, width, true);
    const std::u16string text = u"ab c";
    size_t work = 0;
    require(step.match(text.data(), text.data() + text.size(), work) <= text.data() + text.size());
  } catch (const Error& error) {
    require(error.code() == Code::internal);
  }
}

/** Gives `step` another pattern, as the constructor would. */
void change(SplitStep& step, Bytes& from) {
  step.width = 1 + from.below(8);
  step.gaps = from.below(4) != 0;
  for (size_t code = 0; code < kLetters; code += 0x30) {
    const auto c = static_cast<uint8_t>(from.below(step.width));
    for (size_t i = code; i < code + 0x30; ++i) step.classes[i] = c;
  }
  for (size_t code = 'a'; code < 'g'; ++code)
    step.classes[code] = static_cast<uint8_t>(from.below(step.width));
  step.transitions.clear();
  for (const uint16_t entry : table(from, step.width))
    step.transitions.push_back(static_cast<uint32_t>((entry >> 1) * step.width) << 1 |
                               (entry & 1u));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes from(data, size);
  // By all bytes of the input: a table of all code points costs as much as a hundred texts, and what
  // one byte decides is soon what most inputs do.
  if (hash_of(data, size) % 256 == 0) construct(from);
  static std::vector<SplitStep> one(1, blank()), two(2, blank());
  std::vector<SplitStep>& steps = from.below(4) == 3 ? two : one;
  for (SplitStep& step : steps) change(step, from);
  std::u16string text;
  for (size_t units = from.below(200); units > 0; --units) text += from.character();
  const char16_t* const end = text.data() + text.size();
  const char16_t* at = text.data();
  try {
    split(steps, 0, text.data(), end, [&](const char16_t* begin, const char16_t* stop) {
      require(begin == at && begin < stop && stop <= end);
      at = stop;
    });
    require(at == end);
  } catch (const Error& error) {
    require(error.code() == Code::tokenizer);
  }
  return 0;
}
