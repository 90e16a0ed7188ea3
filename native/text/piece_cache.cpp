#include "text/piece_cache.h"

#include <utility>

namespace attune {

void PieceCache::insert(const Key& key, const char16_t* piece,
                        const std::vector<PieceToken>& tokens) {
  const bool full = shift_ == 64 - largest && 2 * (used_ + 1) > slots_.size();
  if (full || keys_.size() + key.units > most_units ||
      tokens_.size() + tokens.size() > most_tokens) {
    clear();
  } else if (2 * (used_ + 1) > slots_.size()) {
    grow();
  }
  const size_t i = free_place(key.bits);
  Entry& entry = slots_[i];
  entry.bits = key.bits;
  entry.units = static_cast<uint8_t>(key.units);
  entry.exact = key.exact ? 1 : 0;
  entry.tokens = static_cast<uint16_t>(tokens.size());
  if (!key.exact) {
    starts_[i] = static_cast<uint32_t>(keys_.size());
    keys_.insert(keys_.end(), piece, piece + key.units);
  }
  if (tokens.size() == 1) {
    entry.value = tokens[0].id;
  } else {
    entry.value = static_cast<int32_t>(tokens_.size());
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }
  ++used_;
}

size_t PieceCache::free_place(uint64_t bits) const {
  size_t i = place(bits);
  while (slots_[i].units != 0) i = (i + 1) & mask_;
  return i;
}

void PieceCache::clear() {
  slots_.assign(slots_.size(), Entry());
  keys_.clear();
  tokens_.clear();
  used_ = 0;
}

void PieceCache::grow() {
  const std::vector<Entry> slots = std::move(slots_);
  const std::vector<uint32_t> starts = std::move(starts_);
  --shift_;
  mask_ = 2 * slots.size() - 1;
  slots_ = std::vector<Entry>(mask_ + 1);
  starts_ = std::vector<uint32_t>(mask_ + 1);
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].units == 0) continue;
    const size_t to = free_place(slots[i].bits);
    slots_[to] = slots[i];
    starts_[to] = starts[i];
  }
}

}  // namespace attune
