// Tokens by their bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

class Vocabulary {
 public:
  /** Room for so many tokens. */
  explicit Vocabulary(size_t tokens);

  void add(std::string_view token, int32_t id);
  /** The id of a token, or -1. */
  int32_t find(std::string_view token) const;
  /** Bytes of the longest token. */
  size_t longest() const { return longest_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t start = 0;
    uint32_t size = 0;
    int32_t id = -1;
  };
  static uint32_t hash(std::string_view token);

  std::string bytes_;
  std::vector<Slot> slots_;  // open addressing
  size_t mask_;
  size_t longest_ = 0;
};

}  // namespace attune
