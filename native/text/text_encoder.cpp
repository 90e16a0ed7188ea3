#include "text/text_encoder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace attune {

namespace {

/** Working memory beyond this is given back. */
constexpr size_t kKept = size_t{1} << 18;

template <class Container>
void give_back(Container& memory) {
  if (memory.capacity() > kKept) memory = Container();
}

void append_utf8(uint32_t code, std::string& bytes) {
  if ((code & 0xfffff800u) == 0xd800u) code = 0xfffd;
  if (code < 0x80) {
    bytes += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    bytes += static_cast<char>(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      bytes += static_cast<char>(0xe0 | code >> 12);
    } else {
      bytes += static_cast<char>(0xf0 | code >> 18);
      bytes += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    }
    bytes += static_cast<char>(0x80 | (code >> 6 & 0x3f));
  }
  bytes += static_cast<char>(0x80 | (code & 0x3f));
}

std::string to_utf8(std::u16string_view text) {
  std::string bytes;
  const char16_t* const end = text.data() + text.size();
  for (const char16_t* at = text.data(); at < end;) append_utf8(take_code(at, end), bytes);
  return bytes;
}

[[noreturn]] void refuse(const char* what, const std::string& message) {
  throw Error(Code::tokenizer, what, message);
}

/** Calls each(string) for the strings of a list in order. */
template <class Each>
void for_each(const StringList& list, const Each& each) {
  size_t at = 0;
  for (const int32_t length : list.lengths) {
    check(length >= 0 && at + static_cast<size_t>(length) <= list.text.size(), Code::internal,
          "encode", "lengths and text do not agree");
    each(std::u16string_view(list.text).substr(at, static_cast<size_t>(length)));
    at += static_cast<size_t>(length);
  }
}

/** The byte of each character of GPT-2's alphabet: printable ones stand for themselves. */
std::array<int16_t, 512> gpt2_alphabet() {
  std::array<int16_t, 512> alphabet;
  alphabet.fill(-1);
  size_t next = 256;
  for (size_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    alphabet[printable ? byte : next++] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

}  // namespace

TextEncoder::TextEncoder(TextModel model, size_t window)
    : steps_(std::move(model.steps)),
      vocabulary_(model.ids.size()),
      merger_(model.merges.lengths.size()),
      alphabet_(gpt2_alphabet()),
      byte_level_(model.byte_level),
      ignore_merges_(model.ignore_merges),
      cut_at_marks_(model.cut_at_marks),
      byte_fallback_(model.byte_fallback),
      fuse_unknown_(model.fuse_unknown),
      mark_(model.mark),
      unknown_(model.unknown),
      window_(window) {
  read_vocabulary(model);
  read_merges(model);
}

/** A token's bytes; false for one that no text is spelled in. */
bool TextEncoder::spell(std::u16string_view token, std::string& bytes) const {
  if (!byte_level_) {
    bytes = to_utf8(token);
    return true;
  }
  bytes.clear();
  for (const char16_t unit : token) {
    if (unit >= alphabet_.size() || alphabet_[unit] < 0) return false;
    bytes += static_cast<char>(alphabet_[unit]);
  }
  return true;
}

void TextEncoder::read_vocabulary(const TextModel& model) {
  check(model.ids.size() == model.tokens.lengths.size(), Code::internal, "encode",
        "as many ids as tokens");
  std::string bytes;
  size_t i = 0;
  for_each(model.tokens, [&](std::u16string_view token) {
    const int32_t id = model.ids[i++];
    if (id >= 0 && spell(token, bytes) && vocabulary_.find(bytes) < 0) vocabulary_.add(bytes, id);
  });
  for (size_t byte = 0; byte < 256; ++byte) {
    const char* const digits = "0123456789ABCDEF";
    const char one = static_cast<char>(byte);
    const char name[] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
    byte_ids_[byte] = vocabulary_.find(byte_level_ ? std::string_view(&one, 1)
                                                   : std::string_view(name, sizeof name));
  }
  const std::string mark = to_utf8(std::u16string_view(&mark_, 1));
  if (!byte_level_ && vocabulary_.find(mark) < 0) cut_between_words_ = false;
}

void TextEncoder::read_merges(const TextModel& model) {
  const std::string mark = to_utf8(std::u16string_view(&mark_, 1));
  std::string left, right;
  size_t number = 0;
  for_each(model.merges, [&](std::u16string_view merge) {
    const auto bad = [&](const std::string& why) {
      refuse("tokenizer.json",
             "merge " + std::to_string(number) + ", \"" + to_utf8(merge) + "\": " + why);
    };
    const size_t space = merge.find(u' ');
    if (space == 0 || space >= merge.size() - 1 || merge.find(u' ', space + 1) != merge.npos)
      bad("not two tokens with a space between");
    const std::u16string_view sides[2] = {merge.substr(0, space), merge.substr(space + 1)};
    const auto id = [&](std::u16string_view token, std::string& bytes) {
      const int32_t found = spell(token, bytes) ? vocabulary_.find(bytes) : -1;
      if (found < 0) bad("\"" + to_utf8(token) + "\" is not in the vocabulary");
      return found;
    };
    const int32_t left_id = id(sides[0], left);
    const int32_t right_id = id(sides[1], right);
    const bool crosses = right.compare(0, mark.size(), mark) == 0 &&
                         (left.size() < mark.size() ||
                          left.compare(left.size() - mark.size(), mark.size(), mark) != 0);
    if (crosses) cut_between_words_ = false;
    const int32_t result = vocabulary_.find(left + right);
    if (result < 0) bad("the two together are not in the vocabulary");
    merger_.add(left_id, right_id, result);
    ++number;
  });
}

void TextEncoder::encode(char16_t* text, size_t units, bool prefixed, int32_t at) {
  count_ = waiting_count_ = 0;
  origin_ = text;
  origin_offset_ = at - (prefixed ? 1 : 0);
  if (byte_level_) {
    split(steps_, 0, text, text + units,
          [this](const char16_t* from, const char16_t* to) { add_piece(from, to); });
  } else {
    std::replace(text, text + units, u' ', mark_);
    encode_words(text, text + units);
  }
  encode_waiting();
  // What was put in front has no place of its own.
  for (size_t i = 0; i < count_ && offsets_[2 * i] < at; ++i) {
    offsets_[2 * i] = at;
    offsets_[2 * i + 1] = std::max(offsets_[2 * i + 1], at);
  }
  give_back(bytes_);
  give_back(starts_);
  give_back(word_);
  give_back(tokens_);
}

void TextEncoder::push(const PieceToken* tokens, size_t count, int32_t at) {
  if (count_ + count > ids_.size()) {
    ids_.resize(2 * (count_ + count));
    offsets_.resize(2 * ids_.size());
  }
  int32_t* const ids = ids_.data() + count_;
  int32_t* const offsets = offsets_.data() + 2 * count_;
  for (size_t i = 0; i < count; ++i) {
    ids[i] = tokens[i].id;
    offsets[2 * i] = at + tokens[i].start;
    offsets[2 * i + 1] = at + tokens[i].end;
  }
  count_ += count;
}

void TextEncoder::push_tokens(const char16_t* begin) {
  push(tokens_.data(), tokens_.size(), place(begin));
}

void TextEncoder::encode_words(const char16_t* begin, const char16_t* end) {
  if (!cut_at_marks_ && !cut_between_words_) return add_piece(begin, end);
  for (const char16_t* from = begin; from < end;) {
    const char16_t* to = from + 1;
    while (to < end && (*to != mark_ || (!cut_at_marks_ && to[-1] == mark_))) ++to;
    add_piece(from, to);
    from = to;
  }
}

void TextEncoder::add_piece(const char16_t* begin, const char16_t* end) {
  if (waiting_count_ == most_waiting) encode_waiting();
  Waiting& piece = waiting_[waiting_count_++];
  piece.begin = begin;
  piece.end = end;
  const auto units = static_cast<size_t>(end - begin);
  if (units > PieceCache::longest) return;
  piece.key = PieceCache::key_of(begin, units);
  cache_.prefetch(piece.key);
}

void TextEncoder::encode_waiting() {
  for (size_t i = 0; i < waiting_count_; ++i) encode_piece(waiting_[i]);
  waiting_count_ = 0;
}

void TextEncoder::encode_piece(const Waiting& piece) {
  const auto units = static_cast<size_t>(piece.end - piece.begin);
  if (units > PieceCache::longest) return encode_long(piece.begin, piece.end);
  if (const PieceCache::Entry* entry = cache_.find(piece.key, piece.begin)) {
    const PieceToken whole = {entry->value, 0, static_cast<int32_t>(units)};
    return push(entry->tokens == 1 ? &whole : cache_.tokens(*entry), entry->tokens,
                place(piece.begin));
  }
  tokens_.clear();
  if (!find_whole(piece.begin, piece.end)) {
    unknown_before_ = false;
    merge(piece.begin, piece.end);
    take(piece.begin, word_.size());
  }
  push_tokens(piece.begin);
  cache_.insert(piece.key, piece.begin, tokens_);
}

void TextEncoder::encode_long(const char16_t* begin, const char16_t* end) {
  tokens_.clear();
  if (find_whole(begin, end)) return push_tokens(begin);
  for (size_t window = window_; !encode_windows(begin, end, window); window *= 2) {
  }
}

/**
 * A long piece in windows, so that merging takes the same time and memory for each of its
 * characters. A window is merged as if nothing followed, and cut between two of its tokens well
 * before its end; the next begins at the cut. The cut is right if the next window begins with the
 * very token that stood behind it: whatever is merged left of a cut and right of it goes on alone
 * until something is merged across, the first merge across can only take the two tokens at the cut,
 * and these did stand side by side. Otherwise nothing is appended, and false returned: a longer
 * window will do.
 */
bool TextEncoder::encode_windows(const char16_t* begin, const char16_t* end, size_t window) {
  const size_t count = count_;
  Symbol expected = {0, 0};
  unknown_before_ = false;
  for (const char16_t* from = begin;;) {
    const bool last = static_cast<size_t>(end - from) <= window;
    const char16_t* to = last ? end : from + window;
    if (!last && (*to & 0xfc00u) == 0xdc00u && (to[-1] & 0xfc00u) == 0xd800u) --to;
    merge(from, to);
    const size_t symbols = last ? word_.size() : find_cut();
    const bool holds =
        symbols > 0 &&
        (from == begin || (word_.front().id == expected.id && word_.front().size == expected.size));
    if (!holds) {
      count_ = count;
      return false;
    }
    tokens_.clear();
    take(from, symbols);
    push_tokens(from);
    if (last) return true;
    expected = word_[symbols];
    size_t size = 0;
    for (size_t i = 0; i < symbols; ++i) size += word_[i].size;
    from += byte_level_ ? static_cast<size_t>(starts_[size]) : size;
  }
}

/** How many symbols of a window are before its cut: between two characters, an eighth left; or 0.
 */
size_t TextEncoder::find_cut() const {
  size_t size = 0;
  for (const Symbol& symbol : word_) size += symbol.size;
  const size_t least = size - size / 8;
  size = 0;
  for (size_t i = 0; i < word_.size(); ++i) {
    if (i > 0 && size >= least && (!byte_level_ || starts_[size] != starts_[size - 1])) return i;
    size += word_[i].size;
  }
  return 0;
}

/** With ignore_merges: whether a piece is a token, which is then in tokens_. */
bool TextEncoder::find_whole(const char16_t* begin, const char16_t* end) {
  if (!ignore_merges_ || static_cast<size_t>(end - begin) > vocabulary_.longest()) return false;
  bytes_.clear();
  for (const char16_t* at = begin; at < end;) append_utf8(take_code(at, end), bytes_);
  const int32_t whole = vocabulary_.find(bytes_);
  if (whole < 0) return false;
  tokens_.push_back({whole, 0, static_cast<int32_t>(end - begin)});
  return true;
}

void TextEncoder::merge(const char16_t* begin, const char16_t* end) {
  word_.clear();
  if (byte_level_) {
    spell_bytes(begin, end);
  } else {
    spell_characters(begin, end);
  }
  merger_.merge(word_);
}

void TextEncoder::spell_bytes(const char16_t* begin, const char16_t* end) {
  bytes_.clear();
  starts_.clear();
  for (const char16_t* at = begin; at < end;) {
    const auto start = static_cast<int32_t>(at - begin);
    append_utf8(take_code(at, end), bytes_);
    starts_.resize(bytes_.size(), start);
  }
  starts_.push_back(static_cast<int32_t>(end - begin));
  for (const char byte : bytes_) word_.push_back({byte_ids_[static_cast<uint8_t>(byte)], 1});
}

void TextEncoder::spell_characters(const char16_t* begin, const char16_t* end) {
  for (const char16_t* at = begin; at < end;) {
    const char16_t* const from = at;
    bytes_.clear();
    append_utf8(take_code(at, end), bytes_);
    word_.push_back({vocabulary_.find(bytes_), static_cast<uint32_t>(at - from)});
  }
}

/** Appends the tokens of the first symbols of word_, spelled from `begin` on, to tokens_. */
void TextEncoder::take(const char16_t* begin, size_t symbols) {
  if (byte_level_) {
    take_bytes(symbols);
  } else {
    take_characters(begin, symbols);
  }
}

void TextEncoder::take_bytes(size_t symbols) {
  size_t byte = 0;
  for (size_t i = 0; i < symbols; ++i) {
    const Symbol& symbol = word_[i];
    if (symbol.id < 0) refuse("encode", "the vocabulary has no token for \"" + bytes_ + "\"");
    const int32_t start = starts_[byte];
    byte += symbol.size;
    size_t after = byte;  // a character cut in two belongs to both tokens
    while (after + 1 < starts_.size() && starts_[after] == starts_[byte - 1]) ++after;
    tokens_.push_back({symbol.id, start, starts_[after]});
  }
}

void TextEncoder::take_characters(const char16_t* begin, size_t symbols) {
  int32_t at = 0;
  for (size_t i = 0; i < symbols; ++i) {
    const Symbol& symbol = word_[i];
    const auto next = at + static_cast<int32_t>(symbol.size);
    if (symbol.id >= 0) {
      tokens_.push_back({symbol.id, at, next});
      unknown_before_ = false;
    } else if (push_bytes(begin + at, begin + next, at, next)) {
      unknown_before_ = false;
    } else if (unknown_before_ && fuse_unknown_) {
      if (tokens_.empty()) {
        offsets_[2 * count_ - 1] = place(begin + next);
      } else {
        tokens_.back().end = next;
      }
    } else {
      if (unknown_ < 0)
        refuse("encode", "the vocabulary has no token for \"" +
                             to_utf8(std::u16string_view(begin, static_cast<size_t>(next))) + "\"");
      tokens_.push_back({unknown_, at, next});
      unknown_before_ = true;
    }
    at = next;
  }
}

/** The tokens of a character's bytes, each with its place; false where there are none. */
bool TextEncoder::push_bytes(const char16_t* begin, const char16_t* end, int32_t start,
                             int32_t stop) {
  if (!byte_fallback_) return false;
  bytes_.clear();
  append_utf8(take_code(begin, end), bytes_);
  for (const char byte : bytes_)
    if (byte_ids_[static_cast<uint8_t>(byte)] < 0) return false;
  for (const char byte : bytes_)
    tokens_.push_back({byte_ids_[static_cast<uint8_t>(byte)], start, stop});
  return true;
}

}  // namespace attune
