// Against the definition of byte-pair encoding, written down without regard to time; the ids of
// real tokenizers are compared from TypeScript (test/src/tokenizer).
#include "text/text_encoder.h"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <utility>

#include "core/error.h"
#include "harness.h"

namespace attune::test {
namespace {

using Ranks = std::map<std::pair<int32_t, int32_t>, std::pair<int32_t, int32_t>>;  // rank, result

/** Merges the best pair, leftmost first, until there is none. */
std::vector<Symbol> merge_slowly(std::vector<Symbol> word, const Ranks& ranks) {
  for (;;) {
    size_t best = word.size();
    for (size_t i = 0; i + 1 < word.size(); ++i) {
      const auto pair = ranks.find({word[i].id, word[i + 1].id});
      if (pair == ranks.end()) continue;
      if (best == word.size() ||
          pair->second.first < ranks.at({word[best].id, word[best + 1].id}).first)
        best = i;
    }
    if (best == word.size()) return word;
    const int32_t result = ranks.at({word[best].id, word[best + 1].id}).second;
    word[best] = {result, word[best].size + word[best + 1].size};
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::string show(const std::vector<Symbol>& word) {
  std::string text;
  for (const Symbol& each : word)
    text += std::to_string(each.id) + ":" + std::to_string(each.size) + " ";
  return text;
}

TEST(merger) {
  run("merger equals the definition", [] {
    std::mt19937 random(1);
    const auto below = [&](size_t n) { return static_cast<int32_t>(random() % n); };
    for (int round = 0; round < 24; ++round) {
      const int32_t letters = 2 + below(4);
      int32_t tokens = letters;
      Ranks ranks;
      Merger merger(200);
      for (int32_t rank = 0; rank < 40; ++rank) {
        const std::pair<int32_t, int32_t> pair = {below(tokens), below(tokens)};
        ranks[pair] = {rank, tokens};
        merger.add(pair.first, pair.second, tokens++);
      }
      for (const size_t length : {0, 1, 2, 3, 17, 48, 49, 200, 700}) {
        std::vector<Symbol> word;
        for (size_t i = 0; i < length; ++i)
          word.push_back(
              {below(20) == 0 ? -1 : below(letters), 1u + static_cast<uint32_t>(below(3))});
        const std::vector<Symbol> expected = merge_slowly(word, ranks);
        merger.merge(word);
        if (show(word) != show(expected)) return fail(show(word) + "is not " + show(expected));
      }
    }
  });
}

StringList list(const std::vector<std::u16string>& strings) {
  StringList result;
  for (const std::u16string& each : strings) {
    result.text += each;
    result.lengths.push_back(static_cast<int32_t>(each.size()));
  }
  return result;
}

/** Pieces of letters a to z, and every other character by itself. */
SplitStep letters_step() {
  std::vector<uint8_t> classes(0x110000, 2);
  std::fill(classes.begin() + 'a', classes.begin() + 'z' + 1, uint8_t{1});
  // Of end, letter, other: dead; start; in letters; behind another.
  const std::vector<uint16_t> table = {0, 0, 0, 0, 4, 6, 1, 5, 1, 1, 1, 1};
  return SplitStep(std::move(classes), table, 3, true);
}

/** Bytes are their own ids, then he, ll, hell; é is a token of both its bytes. */
TextModel byte_model() {
  TextModel model;
  model.steps.push_back(letters_step());
  std::vector<std::u16string> tokens;
  char16_t next = 256;
  for (char16_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    tokens.push_back(std::u16string(1, printable ? byte : next++));
  }
  for (const char16_t* each : {u"he", u"ll", u"hell", u"Ã©"}) tokens.push_back(each);
  model.tokens = list(tokens);
  for (size_t i = 0; i < tokens.size(); ++i) model.ids.push_back(static_cast<int32_t>(i));
  model.merges = list({u"h e", u"l l", u"he ll", u"Ã ©"});
  return model;
}

TextModel word_model(bool fallback) {
  TextModel model;
  model.byte_level = false;
  model.mark = u'_';
  std::vector<std::u16string> tokens = {u"?", u"_", u"a", u"b", u"_a", u"ab", u"_ab"};
  if (fallback)
    for (const char16_t* each : {u"<0xC3>", u"<0xA9>", u"<0xEF>", u"<0xBF>", u"<0xBD>"})
      tokens.push_back(each);
  model.tokens = list(tokens);
  for (size_t i = 0; i < tokens.size(); ++i) model.ids.push_back(static_cast<int32_t>(i));
  model.merges = list({u"_ a", u"a b", u"_a b"});
  model.unknown = 0;
  model.fuse_unknown = true;
  model.byte_fallback = fallback;
  return model;
}

/** All text is one piece. */
SplitStep whole_step() {
  const std::vector<uint16_t> table = {0, 0, 0, 4, 1, 4};
  return SplitStep(std::vector<uint8_t>(0x110000, 1), table, 2, true);
}

/**
 * Random merges of what there is, in any order: what one makes may be merged earlier. Byte-level;
 * in characters, of which some are unknown; or these as bytes.
 */
template <class Below>
TextModel random_model(int kind, const Below& below) {
  TextModel model = kind == 0 ? byte_model() : word_model(kind == 2);
  std::vector<std::u16string> tokens;
  size_t at = 0;
  for (const int32_t length : model.tokens.lengths) {
    tokens.push_back(model.tokens.text.substr(at, static_cast<size_t>(length)));
    at += static_cast<size_t>(length);
  }
  std::vector<std::u16string> common = {
      u"a", u"b", u"a", u"b", kind == 0 ? u"\u00c3" : u"_", kind == 0 ? u"\u00a9" : u"a"};
  std::vector<std::u16string> merges;
  for (size_t i = 0; i < 4 + below(40); ++i) {
    const std::u16string left = common[below(common.size())], right = common[below(common.size())];
    merges.push_back(left + u" " + right);
    if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end())
      tokens.push_back(left + right);
    if (left.size() + right.size() < 24) common.push_back(left + right);
  }
  if (kind == 0) model.steps = {whole_step()};
  model.tokens = list(tokens);
  model.ids.clear();
  for (size_t i = 0; i < tokens.size(); ++i) model.ids.push_back(static_cast<int32_t>(i));
  std::shuffle(merges.begin(), merges.end(), std::mt19937(static_cast<uint32_t>(below(1000))));
  model.merges = list(merges);
  return model;
}

/** Long runs, periods, and letters in any order. */
template <class Below>
std::u16string random_word(size_t units, const Below& below) {
  const std::u16string letters[] = {u"a", u"b", u"ab", u"\u00e9", u"aab", u"_", u"\U0001f600"};
  std::u16string text;
  while (text.size() < units) {
    const size_t from = below(7), choices = 1 + below(3);
    for (size_t i = below(below(2) == 0 ? 9 : 400); i > 0; --i)
      text += letters[(from + below(choices)) % 7];
  }
  return text;
}

std::vector<int32_t> encode(TextEncoder& encoder, const std::u16string& text, bool prefixed = false,
                            int32_t at = 0) {
  // Exactly the room that is asked for, so that the sanitizers see what is read beyond it.
  std::vector<char16_t> memory(text.begin(), text.end());
  memory.resize(text.size() + TextEncoder::margin, u'~');
  encoder.encode(memory.data(), text.size(), prefixed, at);
  std::vector<int32_t> result;
  for (size_t i = 0; i < encoder.count(); ++i) {
    result.push_back(encoder.ids()[i]);
    result.push_back(encoder.offsets()[2 * i]);
    result.push_back(encoder.offsets()[2 * i + 1]);
  }
  return result;
}

void expect_tokens(const std::vector<int32_t>& found, const std::vector<int32_t>& expected) {
  std::string text;
  for (const int32_t each : found) text += std::to_string(each) + " ";
  expect(found == expected, "tokens " + text);
}

void expect_refused(const std::function<void()>& action, Code code, const std::string& part) {
  try {
    action();
    fail("accepted: " + part);
  } catch (const Error& error) {
    expect(error.code() == code && std::string(error.what()).find(part) != std::string::npos,
           error.what());
  }
}

TEST(text_encoder) {
  run("text_encoder byte-level", [] {
    TextEncoder encoder(byte_model());
    for (int pass = 0; pass < 2; ++pass) {
      expect_tokens(encode(encoder, u""), {});
      expect_tokens(encode(encoder, u"hello h"), {258, 0, 4, 'o', 4, 5, ' ', 5, 6, 'h', 6, 7});
      expect_tokens(encode(encoder, u"\u00e9a", false, 10), {259, 10, 11, 'a', 11, 12});
      expect_tokens(encode(encoder, u" a", true, 3), {' ', 3, 3, 'a', 3, 4});
      // Half of a pair is U+FFFD; the tokens of a character each have its place.
      expect_tokens(encode(encoder, u"\xd800"), {0xef, 0, 1, 0xbf, 0, 1, 0xbd, 0, 1});
      expect_tokens(encode(encoder, u"\U0001f600"),
                    {0xf0, 0, 2, 0x9f, 0, 2, 0x98, 0, 2, 0x80, 0, 2});
    }
  });
  run("text_encoder a piece that is a token", [] {
    TextModel model = byte_model();
    model.merges = list({});
    model.ignore_merges = true;
    TextEncoder encoder(std::move(model));
    expect_tokens(encode(encoder, u"hell he"), {258, 0, 4, ' ', 4, 5, 256, 5, 7});
  });
  run("text_encoder words", [] {
    for (const bool fallback : {false, true}) {
      TextEncoder encoder(word_model(fallback));
      for (int pass = 0; pass < 2; ++pass) {
        expect_tokens(encode(encoder, u"_ab a", true), {6, 0, 2, 4, 2, 4});
        expect_tokens(encode(encoder, u"  b"), {1, 0, 1, 1, 1, 2, 3, 2, 3});
      }
      if (fallback) {
        expect_tokens(encode(encoder, u"a\u00e9z"), {2, 0, 1, 7, 1, 2, 8, 1, 2, 0, 2, 3});
        expect_tokens(encode(encoder, u"\xdc00"), {9, 0, 1, 10, 0, 1, 11, 0, 1});
      } else {
        expect_tokens(encode(encoder, u"a\u00e9zb"), {2, 0, 1, 0, 1, 3, 3, 3, 4});
      }
    }
  });
  run("text_encoder in windows, as in one", [] {
    std::mt19937 random(3);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    for (int round = 0; round < 60; ++round) {
      const TextModel model = random_model(round % 3, below);
      TextEncoder whole(model, size_t{1} << 20);
      for (const size_t window : {1, 5, 33, 100, 700}) {
        TextEncoder encoder(model, window);
        const std::u16string text = random_word(65 + below(1500), below);
        const bool prefixed = below(2) == 0;
        expect_tokens(encode(encoder, text, prefixed, 9), encode(whole, text, prefixed, 9));
      }
    }
  });
  run("text_encoder forgets, and answers the same", [] {
    TextEncoder encoder(byte_model());
    std::mt19937 random(2);
    const auto word = [&](std::mt19937& from) {
      std::u16string text;
      for (size_t i = 1 + from() % 30; i > 0; --i) text += static_cast<char16_t>('a' + from() % 26);
      return text;
    };
    for (int i = 0; i < 150'000; ++i) encode(encoder, word(random));
    for (int i = 0; i < 50; ++i) {
      const std::u16string text = word(random);
      TextEncoder fresh(byte_model());
      const auto expected = encode(fresh, text);
      if (encode(encoder, text) != expected || encode(encoder, text) != expected)
        return fail("another answer");
    }
  });
  run("text_encoder refuses", [] {
    expect_refused(
        [] {
          SplitStep(std::vector<uint8_t>(9), {0, 0}, 1, true);
        },
        Code::internal, "not sound");
    expect_refused(
        [] {
          SplitStep(std::vector<uint8_t>(0x110000, 5), {0, 0, 0, 0}, 2, true);
        },
        Code::internal, "not sound");
    expect_refused(
        [] {
          SplitStep(std::vector<uint8_t>(0x110000), {0, 0, 0, 9}, 2, true);
        },
        Code::internal, "not sound");
    const auto with_merge = [](const char16_t* merge) {
      TextModel model = byte_model();
      model.merges = list({merge});
      TextEncoder encoder(std::move(model));
    };
    expect_refused([&] { with_merge(u"he"); }, Code::tokenizer, "merge 0");
    expect_refused([&] { with_merge(u"h e l"); }, Code::tokenizer, "not two tokens");
    expect_refused([&] { with_merge(u"h hex"); }, Code::tokenizer,
                   "\"hex\" is not in the vocabulary");
    expect_refused([&] { with_merge(u"h l"); }, Code::tokenizer, "two together");
    TextModel gaps = byte_model();
    gaps.steps[0].gaps = false;
    gaps.steps[0].transitions.assign(12, 0);
    TextEncoder strict(std::move(gaps));
    expect_refused([&] { encode(strict, u"a"); }, Code::tokenizer, "removes text");
    TextModel few = byte_model();
    few.ids['z'] = -1;
    TextEncoder without(std::move(few));
    expect_refused([&] { encode(without, u"az"); }, Code::tokenizer, "no token for \"az\"");
  });
}

}  // namespace
}  // namespace attune::test
