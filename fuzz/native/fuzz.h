// What the native targets share: numbers and characters out of the bytes of an input, and what must hold.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>

/** Ends the process, which libFuzzer reports as a finding. */
inline void require(bool holds) {
  if (!holds) std::abort();
}

/** FNV-1a. */
inline uint64_t hash_of(const uint8_t* data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ data[i]) * 0x100000001b3u;
  return hash ^ hash >> 32;
}

/** Takes numbers off the front of an input; zeros follow its end. */
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), left_(size) {}

  size_t left() const { return left_; }

  uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  uint32_t word() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  /** 0 to `count` - 1; one byte decides, or two where there are more. */
  size_t below(size_t count) {
    const size_t value = count <= 256 ? byte() : size_t{byte()} << 8 | byte();
    return count == 0 ? 0 : value % count;
  }
  bool flag() { return (byte() & 1) != 0; }

  /** Mostly a letter; else a space, a mark, half of a pair, a character of two units' half, any. */
  char16_t character() {
    const uint8_t which = byte();
    if (which < 160) return static_cast<char16_t>(u'a' + which % 6);
    if (which < 180) return u' ';
    if (which < 200) return u'\u2581';
    if (which < 210) return u'\u0120';
    if (which < 220) return static_cast<char16_t>(0xd83c + which % 3);
    if (which < 230) return static_cast<char16_t>(0xdc00 + byte());
    if (which < 240) return static_cast<char16_t>(0x80 + byte());
    return static_cast<char16_t>(size_t{byte()} << 8 | byte());
  }

 private:
  const uint8_t* at_;
  size_t left_;
};
