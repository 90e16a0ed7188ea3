// Text to token ids by byte-pair encoding: cut into pieces, each piece merged, answers remembered.
// Byte-level (GPT-2 and its descendants): pieces by patterns, spelled in bytes. Otherwise as
// SentencePiece has it: words that begin with a mark which stands for a space, spelled in
// characters, those without a token as the tokens of their bytes or as the unknown token. Text is
// UTF-16, as JavaScript has it, and so are offsets; half of a surrogate pair counts as U+FFFD.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/merger.h"
#include "text/piece_cache.h"
#include "text/splitter.h"
#include "text/vocabulary.h"

namespace attune {

/** Strings one behind the other, and the length of each in units. */
struct StringList {
  std::u16string text;
  std::vector<int32_t> lengths;
};

struct TextModel {
  bool byte_level = true;
  /** Byte-level: how text is cut, each step within the pieces of the one before. */
  std::vector<SplitStep> steps;
  /** The vocabulary: tokens[i] has ids[i]. Byte-level ones are spelled in GPT-2's alphabet. */
  StringList tokens;
  std::vector<int32_t> ids;
  /** "left right", best first. */
  StringList merges;
  /** Byte-level: a piece that is a token is not merged. */
  bool ignore_merges = false;
  /** What encode's `prefixed` puts in front; without byte_level also what stands for a space. */
  char16_t mark = u' ';
  /** Without byte_level: a new word begins at every mark; otherwise where no token reaches across.
   */
  bool cut_at_marks = false;
  bool byte_fallback = false;
  /** Id of the unknown token, or -1; whether neighbours are one. */
  int32_t unknown = -1;
  bool fuse_unknown = false;
};

class TextEncoder {
 public:
  /**
   * Throws `tokenizer` where a merge is none, or makes what is no token. A piece longer than
   * `window` units, and than those that are remembered, is merged in parts of that length.
   */
  explicit TextEncoder(TextModel model, size_t window = 4096);

  /** Units behind a text that may be read. */
  static constexpr size_t margin = PieceCache::margin;

  /**
   * Tokens of `text` [units], which may be changed, and behind which `margin` units are.
   * `prefixed`: its first unit was put there and stands for nothing. Offsets are moved by `at`.
   * Throws `tokenizer` for a character without a token.
   */
  void encode(char16_t* text, size_t units, bool prefixed, int32_t at);

  /** Of the last text: ids [n], and start and end [2n] of each token in turn. */
  size_t count() const { return count_; }
  const int32_t* ids() const { return ids_.data(); }
  const int32_t* offsets() const { return offsets_.data(); }

 private:
  void read_vocabulary(const TextModel& model);
  void read_merges(const TextModel& model);
  bool spell(std::u16string_view token, std::string& bytes) const;

  /** A piece whose entry in the cache is on its way from memory. */
  struct Waiting {
    const char16_t* begin;
    const char16_t* end;
    PieceCache::Key key;
  };
  static constexpr size_t most_waiting = 32;

  void add_piece(const char16_t* begin, const char16_t* end);
  void encode_waiting();
  void encode_piece(const Waiting& piece);
  void encode_words(const char16_t* begin, const char16_t* end);
  void encode_long(const char16_t* begin, const char16_t* end);
  bool encode_windows(const char16_t* begin, const char16_t* end, size_t window);
  size_t find_cut() const;
  void merge(const char16_t* begin, const char16_t* end);
  bool find_whole(const char16_t* begin, const char16_t* end);
  void spell_bytes(const char16_t* begin, const char16_t* end);
  void spell_characters(const char16_t* begin, const char16_t* end);
  void take(const char16_t* begin, size_t symbols);
  void take_bytes(size_t symbols);
  void take_characters(const char16_t* begin, size_t symbols);
  bool push_bytes(const char16_t* begin, const char16_t* end, int32_t start, int32_t stop);
  /** Appends `tokens_`, of a piece that begins at `begin`. */
  void push_tokens(const char16_t* begin);
  /** Appends tokens of a piece that begins at `at`. */
  void push(const PieceToken* tokens, size_t count, int32_t at);
  int32_t place(const char16_t* at) const {
    return origin_offset_ + static_cast<int32_t>(at - origin_);
  }

  std::vector<SplitStep> steps_;
  Vocabulary vocabulary_;
  Merger merger_;
  PieceCache cache_;
  std::array<int32_t, 256> byte_ids_;
  std::array<int16_t, 512> alphabet_;  // byte of a character of GPT-2's alphabet, or -1
  bool byte_level_, ignore_merges_, cut_at_marks_, byte_fallback_, fuse_unknown_;
  bool cut_between_words_ = true;  // no token has a mark behind another character
  char16_t mark_;
  int32_t unknown_;
  size_t window_;

  std::vector<int32_t> ids_, offsets_;  // of which count_ tokens are filled
  size_t count_ = 0;
  const char16_t* origin_ = nullptr;  // the beginning of the text, which has offset
  int32_t origin_offset_ = 0;
  std::array<Waiting, most_waiting> waiting_;
  size_t waiting_count_ = 0;
  // Working memory, kept between pieces.
  std::string bytes_;
  std::vector<int32_t> starts_;  // of each byte: the unit at which its character starts; the length
  std::vector<Symbol> word_;
  std::vector<PieceToken> tokens_;
  bool unknown_before_ = false;  // the last token of this piece is the unknown one
};

}  // namespace attune
