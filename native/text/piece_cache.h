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
  /** Pieces longer than this are not kept. */
  static constexpr size_t longest = 64;
  /** Units behind a piece that may be read. */
  static constexpr size_t margin = 8;

  /**
   * A piece of 1 to `longest` units. Most are short and of Latin letters: their bytes are their
   * key, so that one comparison tells them apart. Others have a hash, and are compared in full.
   */
  struct Key {
    uint64_t bits;
    uint16_t units;
    bool exact;
  };

  static Key key_of(const char16_t* piece, size_t units) {
    if (units <= 8) {
      uint64_t low = load(piece), high = load(piece + 4);
      if (units < 4) low &= (uint64_t{1} << 16 * units) - 1;
      high = units <= 4 ? 0 : high & ~uint64_t{0} >> 16 * (8 - units);
      if (((low | high) & 0xff00ff00ff00ff00u) == 0)
        return {squeeze(low) | squeeze(high) << 32, static_cast<uint16_t>(units), true};
    }
    return {hash(piece, units), static_cast<uint16_t>(units), false};
  }

  struct Entry {
    uint64_t bits = 0;
    int32_t value = 0;  // the id where there is one token, else where they lie in tokens_
    uint8_t units = 0;  // 0: the slot is empty
    uint8_t exact = 0;
    uint16_t tokens = 0;
  };

  /** Asks memory for the entry of a piece, to be looked at soon. */
  void prefetch(const Key& key) const { __builtin_prefetch(slots_.data() + place(key.bits)); }

  /** The entry of a piece, or null. */
  const Entry* find(const Key& key, const char16_t* piece) const {
    for (size_t i = place(key.bits); slots_[i].units != 0; i = (i + 1) & mask_) {
      const Entry& entry = slots_[i];
      if (entry.bits == key.bits && entry.units == key.units && entry.exact == key.exact &&
          (key.exact || std::memcmp(keys_.data() + starts_[i], piece, 2 * key.units) == 0))
        return &entry;
    }
    return nullptr;
  }

  const PieceToken* tokens(const Entry& entry) const { return tokens_.data() + entry.value; }

  /** Keeps what `find` did not have. */
  void insert(const Key& key, const char16_t* piece, const std::vector<PieceToken>& tokens);

 private:
  static uint64_t load(const char16_t* units) {
    uint64_t value;
    std::memcpy(&value, units, 8);
    return value;
  }
  /** The low bytes of four units. */
  static uint64_t squeeze(uint64_t units) {
    units = (units | units >> 8) & 0x0000ffff0000ffffu;
    return (units | units >> 16) & 0xffffffffu;
  }
  static uint64_t hash(const char16_t* piece, size_t units) {
    uint64_t value = units * 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; i + 4 <= units; i += 4) {
      value = (value ^ load(piece + i)) * 0xff51afd7ed558ccdu;
      value ^= value >> 32;
    }
    uint64_t rest = 0;
    std::memcpy(&rest, piece + i, 2 * (units - i));
    value = (value ^ rest) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 29;
  }
  size_t place(uint64_t bits) const {
    return static_cast<size_t>(bits * 0x9e3779b97f4a7c15u >> shift_);
  }
  size_t free_place(uint64_t bits) const;
  void clear();
  void grow();

  static constexpr int smallest = 8;                      // bits of the number of slots
  static constexpr int largest = 18;                      // 5 MiB of slots
  static constexpr size_t most_units = size_t{1} << 21;   // 4 MiB of keys
  static constexpr size_t most_tokens = size_t{1} << 20;  // 12 MiB of tokens

  int shift_ = 64 - smallest;
  size_t mask_ = (size_t{1} << smallest) - 1;
  size_t used_ = 0;
  std::vector<Entry> slots_ = std::vector<Entry>(mask_ + 1);  // open addressing, half full at most
  std::vector<uint32_t> starts_ = std::vector<uint32_t>(mask_ + 1);  // of keys that are not exact
  std::vector<char16_t> keys_;
  std::vector<PieceToken> tokens_;
};

}  // namespace attune
