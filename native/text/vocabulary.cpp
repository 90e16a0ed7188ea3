#include "text/vocabulary.h"

#include <algorithm>
#include <cstring>

namespace attune {

Vocabulary::Vocabulary(size_t tokens) {
  size_t size = 16;
  while (size < 2 * tokens) size *= 2;
  slots_.resize(size);
  mask_ = size - 1;
}

uint32_t Vocabulary::hash(std::string_view token) {
  uint64_t value = token.size();
  size_t i = 0;
  for (; i + 8 <= token.size(); i += 8) {
    uint64_t part;
    std::memcpy(&part, token.data() + i, 8);
    value = (value ^ part) * 0xff51afd7ed558ccdu;
    value ^= value >> 32;
  }
  uint64_t rest = 0;
  if (i < token.size()) std::memcpy(&rest, token.data() + i, token.size() - i);
  value = (value ^ rest) * 0xc4ceb9fe1a85ec53u;
  return static_cast<uint32_t>(value >> 32);
}

void Vocabulary::add(std::string_view token, int32_t id) {
  const uint32_t h = hash(token);
  size_t i = h & mask_;
  while (slots_[i].id >= 0) i = (i + 1) & mask_;
  slots_[i] = {h, static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(token.size()), id};
  bytes_ += token;
  longest_ = std::max(longest_, token.size());
}

int32_t Vocabulary::find(std::string_view token) const {
  const uint32_t h = hash(token);
  for (size_t i = h & mask_; slots_[i].id >= 0; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.hash == h && std::string_view(bytes_.data() + slot.start, slot.size) == token)
      return slot.id;
  }
  return -1;
}

}  // namespace attune
