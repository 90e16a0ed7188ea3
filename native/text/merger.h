// Byte-pair encoding of one word: the pair of neighbours of lowest rank is merged, leftmost first,
// until none is left that has a rank.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace attune {

/** A token, or a character that is none (id below 0), and how much of the word it stands for. */
struct Symbol {
  int32_t id;
  uint32_t size;
};

class Merger {
 public:
  /** Room for so many pairs. */
  explicit Merger(size_t pairs);

  /** The pair's rank is the number of pairs before it; a pair that comes again has its last rank.
   */
  void add(int32_t left, int32_t right, int32_t result);

  /** Merges `word` in place: O(n log n), for short words by a scan of the ranks. */
  void merge(std::vector<Symbol>& word);

 private:
  struct Pair {
    uint64_t key = none;
    uint32_t rank = 0;
    int32_t result = 0;
  };
  static constexpr uint64_t none = ~uint64_t{0};

  const Pair* find(int32_t left, int32_t right) const;
  Pair& slot(uint64_t key);
  void scan(std::vector<Symbol>& word);
  void queue(std::vector<Symbol>& word);

  std::vector<Pair> pairs_;  // open addressing
  size_t mask_;
  uint32_t added_ = 0;
  // Working memory, kept between words.
  std::vector<const Pair*> next_;
  std::vector<uint32_t> before_, after_;
  std::vector<uint64_t> heap_;
};

}  // namespace attune
