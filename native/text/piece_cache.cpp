#include "text/piece_cache.h"

namespace attune {

void PieceCache::insert(uint64_t hash, const char16_t* piece, size_t units,
                        const std::vector<PieceToken>& tokens) {
  if (2 * (used_ + 1) > slots_.size()) {
    if (slots_.size() < largest) {
      grow();
    } else {
      clear();
    }
  }
  if (keys_.size() + units > most_units || tokens_.size() + tokens.size() > most_tokens) clear();
  size_t i = hash & mask_;
  while (slots_[i].units != 0) i = (i + 1) & mask_;
  Entry& entry = slots_[i];
  entry.hash = hash;
  entry.key = static_cast<uint32_t>(keys_.size());
  entry.units = static_cast<uint16_t>(units);
  entry.tokens = static_cast<uint16_t>(tokens.size());
  keys_.insert(keys_.end(), piece, piece + units);
  if (tokens.size() == 1) {
    entry.first = tokens[0].id;
  } else {
    entry.first = static_cast<int32_t>(tokens_.size());
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }
  ++used_;
}

void PieceCache::clear() {
  slots_.assign(slots_.size(), Entry());
  keys_.clear();
  tokens_.clear();
  used_ = 0;
}

void PieceCache::grow() {
  std::vector<Entry> before = std::move(slots_);
  slots_ = std::vector<Entry>(4 * before.size());
  mask_ = slots_.size() - 1;
  for (const Entry& entry : before) {
    if (entry.units == 0) continue;
    size_t i = entry.hash & mask_;
    while (slots_[i].units != 0) i = (i + 1) & mask_;
    slots_[i] = entry;
  }
}

}  // namespace attune
