// Remembers the tokens of pieces of text. Text repeats its words, and to look one up costs a small
// part of merging it. Bounded: when it is full everything is forgotten.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace attune {

/** A token of a piece, with the stretch of UTF-16 units of the piece that it stands for. */
struct PieceToken {
  int32_t id;
  int32_t start;
  int32_t end;
};

class PieceCache {
 public:
  struct Entry {
    uint64_t hash = 0;
    uint32_t key = 0;    // where the piece lies in keys_
    uint16_t units = 0;  // its length; 0: the slot is empty
    uint16_t tokens = 0;
    int32_t first = 0;  // the id where there is one token, else where they lie in tokens_
  };
  /** Pieces longer than this are not kept. */
  static constexpr size_t longest = 64;

  static uint64_t hash(const char16_t* piece, size_t units) {
    uint64_t value = units * 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; i + 4 <= units; i += 4) {
      uint64_t part;
      std::memcpy(&part, piece + i, 8);
      value = (value ^ part) * 0xff51afd7ed558ccdu;
      value ^= value >> 32;
    }
    uint64_t rest = 0;
    std::memcpy(&rest, piece + i, 2 * (units - i));
    value = (value ^ rest) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 29;
  }

  /** The entry of a piece of 1 to `longest` units, or null. */
  const Entry* find(uint64_t hash, const char16_t* piece, size_t units) const {
    for (size_t i = hash & mask_; slots_[i].units != 0; i = (i + 1) & mask_) {
      const Entry& entry = slots_[i];
      if (entry.hash == hash && entry.units == units &&
          std::memcmp(keys_.data() + entry.key, piece, 2 * units) == 0)
        return &entry;
    }
    return nullptr;
  }

  const PieceToken* tokens(const Entry& entry) const { return tokens_.data() + entry.first; }

  /** Keeps what `find` did not have. */
  void insert(uint64_t hash, const char16_t* piece, size_t units,
              const std::vector<PieceToken>& tokens);

 private:
  void clear();
  void grow();

  std::vector<Entry> slots_ = std::vector<Entry>(smallest);  // open addressing, at most half full
  size_t mask_ = smallest - 1;
  size_t used_ = 0;
  std::vector<char16_t> keys_;
  std::vector<PieceToken> tokens_;

  static constexpr size_t smallest = size_t{1} << 12;
  static constexpr size_t largest = size_t{1} << 18;      // 6 MiB of slots
  static constexpr size_t most_units = size_t{1} << 21;   // 4 MiB of keys
  static constexpr size_t most_tokens = size_t{1} << 20;  // 12 MiB of tokens
};

}  // namespace attune
