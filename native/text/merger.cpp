#include "text/merger.h"

#include <algorithm>
#include <functional>

namespace attune {

namespace {

/** Words up to this length are merged by scanning; it keeps the square of it small. */
constexpr size_t kShort = 48;
/** Working memory beyond this is given back. */
constexpr size_t kKept = size_t{1} << 16;
constexpr uint32_t kEnd = ~uint32_t{0};

uint64_t key_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

size_t spread(uint64_t key) {
  key *= 0x9e3779b97f4a7c15u;
  return static_cast<size_t>(key ^ key >> 29);
}

template <class T>
void give_back(std::vector<T>& memory) {
  if (memory.capacity() > kKept) memory = std::vector<T>();
}

}  // namespace

Merger::Merger(size_t pairs) {
  size_t size = 16;
  while (size < 2 * pairs) size *= 2;
  pairs_.resize(size);
  mask_ = size - 1;
}

Merger::Pair& Merger::slot(uint64_t key) {
  size_t i = spread(key) & mask_;
  while (pairs_[i].key != none && pairs_[i].key != key) i = (i + 1) & mask_;
  return pairs_[i];
}

const Merger::Pair* Merger::find(int32_t left, int32_t right) const {
  if (left < 0 || right < 0) return nullptr;
  const uint64_t key = key_of(left, right);
  for (size_t i = spread(key) & mask_; pairs_[i].key != none; i = (i + 1) & mask_)
    if (pairs_[i].key == key) return &pairs_[i];
  return nullptr;
}

void Merger::add(int32_t left, int32_t right, int32_t result) {
  Pair& pair = slot(key_of(left, right));
  pair = {key_of(left, right), added_++, result};
}

void Merger::merge(std::vector<Symbol>& word) {
  if (word.size() < 2) return;
  if (word.size() <= kShort) {
    scan(word);
  } else {
    queue(word);
  }
}

void Merger::scan(std::vector<Symbol>& word) {
  size_t count = word.size();
  next_.resize(count);
  for (size_t i = 0; i + 1 < count; ++i) next_[i] = find(word[i].id, word[i + 1].id);
  next_[count - 1] = nullptr;
  for (;;) {
    size_t best = count;
    uint32_t rank = kEnd;
    for (size_t i = 0; i + 1 < count; ++i) {
      if (next_[i] != nullptr && next_[i]->rank < rank) {
        best = i;
        rank = next_[i]->rank;
      }
    }
    if (best == count) break;
    word[best] = {next_[best]->result, word[best].size + word[best + 1].size};
    for (size_t i = best + 1; i + 1 < count; ++i) {
      word[i] = word[i + 1];
      next_[i] = next_[i + 1];
    }
    --count;
    next_[best] = best + 1 < count ? find(word[best].id, word[best + 1].id) : nullptr;
    if (best > 0) next_[best - 1] = find(word[best - 1].id, word[best].id);
  }
  word.resize(count);
}

void Merger::queue(std::vector<Symbol>& word) {
  const size_t count = word.size();
  before_.resize(count);
  after_.resize(count);
  heap_.clear();
  // A merge that waits: its rank, then the place of its left side. One that no longer holds is
  // dropped when its turn comes: the pair at its place then has another rank, or none.
  const auto wait = [&](size_t i) {
    if (after_[i] == kEnd) return;
    if (const Pair* pair = find(word[i].id, word[after_[i]].id)) {
      heap_.push_back(static_cast<uint64_t>(pair->rank) << 32 | static_cast<uint32_t>(i));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  };
  for (size_t i = 0; i < count; ++i) {
    before_[i] = i == 0 ? kEnd : static_cast<uint32_t>(i - 1);
    after_[i] = i + 1 == count ? kEnd : static_cast<uint32_t>(i + 1);
  }
  for (size_t i = 0; i < count; ++i) wait(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(heap_.back() >> 32);
    const auto left = static_cast<uint32_t>(heap_.back());
    heap_.pop_back();
    if (word[left].size == 0 || after_[left] == kEnd) continue;
    const uint32_t right = after_[left];
    const Pair* const pair = find(word[left].id, word[right].id);
    if (pair == nullptr || pair->rank != rank) continue;
    word[left] = {pair->result, word[left].size + word[right].size};
    word[right].size = 0;
    after_[left] = after_[right];
    if (after_[left] != kEnd) before_[after_[left]] = left;
    wait(left);
    if (before_[left] != kEnd) wait(before_[left]);
  }
  word.erase(
      std::remove_if(word.begin(), word.end(), [](const Symbol& each) { return each.size == 0; }),
      word.end());
  give_back(before_);
  give_back(after_);
  give_back(heap_);
}

}  // namespace attune
