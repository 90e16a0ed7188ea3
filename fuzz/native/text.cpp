// Tables of a text model, sound or not, and texts that are encoded with them. Whatever the tables,
// tokens lie in order within the text, and the same text has the same tokens when it comes again.
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "fuzz.h"
#include "text/text_encoder.h"

using namespace attune;

namespace {

StringList strings(Bytes& from, bool with_spaces, size_t most) {
  StringList list;
  const size_t count = from.below(most);
  for (size_t i = 0; i < count; ++i) {
    const size_t size = from.below(6);
    for (size_t j = 0; j < size; ++j) {
      const bool space = with_spaces && j > 0 && from.below(3) == 0;
      list.text += space ? u' ' : from.character();
    }
    // Now and then a length that is none.
    const bool wrong = from.below(200) == 199;
    list.lengths.push_back(wrong ? static_cast<int32_t>(from.word()) : static_cast<int32_t>(size));
  }
  return list;
}

TextModel model(Bytes& from) {
  TextModel model;
  model.byte_level = from.flag();
  model.tokens = strings(from, false, 24);
  for (size_t i = 0; i < model.tokens.lengths.size(); ++i)
    model.ids.push_back(from.below(40) == 39 ? static_cast<int32_t>(from.word())
                                             : static_cast<int32_t>(i));
  if (from.below(100) == 99) model.ids.push_back(7);
  if (from.below(4) == 0) {
    model.merges = strings(from, true, 12);
  } else {
    // Merges of tokens that are there, whose result may be.
    std::vector<std::u16string> tokens;
    size_t at = 0;
    for (const int32_t size : model.tokens.lengths) {
      if (size < 1 || at + static_cast<size_t>(size) > model.tokens.text.size()) break;
      tokens.push_back(model.tokens.text.substr(at, static_cast<size_t>(size)));
      at += static_cast<size_t>(size);
    }
    for (size_t i = tokens.empty() ? 0 : from.below(10); i > 0; --i) {
      const std::u16string left = tokens[from.below(tokens.size())];
      const std::u16string right = tokens[from.below(tokens.size())];
      const std::u16string both = left + right;
      model.merges.text += left + u' ' + right;
      model.merges.lengths.push_back(static_cast<int32_t>(both.size() + 1));
      if (model.tokens.text.size() > 4096 || from.below(8) == 7) continue;
      model.tokens.text += both;
      model.tokens.lengths.push_back(static_cast<int32_t>(both.size()));
      model.ids.push_back(static_cast<int32_t>(model.ids.size()));
      tokens.push_back(both);
    }
  }
  model.ignore_merges = from.flag();
  model.mark = from.flag() ? u'\u2581' : from.character();
  model.cut_at_marks = from.flag();
  model.byte_fallback = from.flag();
  model.unknown = from.flag() ? -1 : static_cast<int32_t>(from.below(30));
  model.fuse_unknown = from.flag();
  return model;
}

struct Tokens {
  std::vector<int32_t> ids, offsets;
};

Tokens encode(TextEncoder& encoder, const std::u16string& text, bool prefixed) {
  std::vector<char16_t> units(text.begin(), text.end());
  units.resize(text.size() + TextEncoder::margin);
  encoder.encode(units.data(), text.size(), prefixed, 5);
  const size_t count = encoder.count();
  return {{encoder.ids(), encoder.ids() + count}, {encoder.offsets(), encoder.offsets() + 2 * count}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes from(data, size);
  try {
    TextEncoder encoder(model(from));
    for (int texts = 0; texts < 3; ++texts) {
      std::u16string text;
      const size_t units = from.below(from.below(8) == 7 ? 300 : 40);
      for (size_t i = 0; i < units; ++i) text += from.character();
      const bool prefixed = !text.empty() && from.flag();
      const Tokens first = encode(encoder, text, prefixed);
      const Tokens again = encode(encoder, text, prefixed);
      require(first.ids == again.ids && first.offsets == again.offsets);
      const auto end = static_cast<int32_t>(5 + text.size() - (prefixed ? 1 : 0));
      int32_t before = 5;
      for (size_t i = 0; i < first.ids.size(); ++i) {
        require(first.offsets[2 * i] >= before && first.offsets[2 * i + 1] <= end);
        require(first.offsets[2 * i] <= first.offsets[2 * i + 1]);
        before = first.offsets[2 * i];
      }
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
