// The warp-level instructions, each by its definition in the PTX ISA. Fragments: mma.h.
#include <cstring>

#include "backend/cuda/host/block.h"
#include "core/dtype.h"

namespace attune::cuda::host {
namespace {

struct Shuffle {
  uint64_t bits;
  int source;
  uint64_t result;
  bool absent;
};

struct Ballot {
  bool predicate;
  uint32_t result;
};

struct Rows {
  uint32_t* to;
  const void* row;
  int matrices;
  bool transpose;
};

struct Mma {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};

void combine_shuffle(uint32_t mask, void* const* lanes) {
  for (int i = 0; i < kWarp; ++i) {
    if (!(mask >> i & 1)) continue;
    auto* own = static_cast<Shuffle*>(lanes[i]);
    own->absent = own->source < 0 || own->source >= kWarp || !(mask >> own->source & 1);
    if (!own->absent) own->result = static_cast<const Shuffle*>(lanes[own->source])->bits;
  }
}

void combine_ballot(uint32_t mask, void* const* lanes) {
  uint32_t result = 0;
  for (int i = 0; i < kWarp; ++i) {
    if ((mask >> i & 1) && static_cast<const Ballot*>(lanes[i])->predicate)
      result |= uint32_t{1} << i;
  }
  for (int i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) static_cast<Ballot*>(lanes[i])->result = result;
  }
}

uint16_t half_of(const void* row, int column) {
  uint16_t bits;
  std::memcpy(&bits, static_cast<const unsigned char*>(row) + 2 * column, 2);
  return bits;
}

void combine_ldmatrix(uint32_t, void* const* lanes) {
  const auto lane = [&](int i) -> const Rows& { return *static_cast<const Rows*>(lanes[i]); };
  const int matrices = lane(0).matrices;
  const bool transpose = lane(0).transpose;
  for (int i = 0; i < matrices; ++i) {
    for (int l = 0; l < kWarp; ++l) {
      const int g = l / 4, t = l % 4;
      const uint32_t low =
          transpose ? half_of(lane(8 * i + 2 * t).row, g) : half_of(lane(8 * i + g).row, 2 * t);
      const uint32_t high = transpose ? half_of(lane(8 * i + 2 * t + 1).row, g)
                                      : half_of(lane(8 * i + g).row, 2 * t + 1);
      lane(l).to[i] = low | high << 16;
    }
  }
}

float low(uint32_t word) { return bf16_to_f32(static_cast<uint16_t>(word)); }
float high(uint32_t word) { return bf16_to_f32(static_cast<uint16_t>(word >> 16)); }

void combine_mma(uint32_t, void* const* lanes) {
  float a[16][16], b[16][8], d[16][8];
  for (int l = 0; l < kWarp; ++l) {
    const auto& own = *static_cast<const Mma*>(lanes[l]);
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
      a[row][column] = low(own.a[i]);
      a[row][column + 1] = high(own.a[i]);
      d[g + i / 2 * 8][2 * t + i % 2] = own.d[i];
    }
    for (int i = 0; i < 2; ++i) {
      b[2 * t + i * 8][g] = low(own.b[i]);
      b[2 * t + i * 8 + 1][g] = high(own.b[i]);
    }
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < 16; ++k) {
      for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int l = 0; l < kWarp; ++l) {
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i)
      static_cast<const Mma*>(lanes[l])->d[i] = d[g + i / 2 * 8][2 * t + i % 2];
  }
}

constexpr uint32_t kAll = 0xffffffffu;

}  // namespace

void sync_warp(uint32_t mask) {
  int nothing = 0;
  collective("__syncwarp", mask, &nothing, [](uint32_t, void* const*) {});
}

uint32_t ballot(uint32_t mask, bool predicate) {
  Ballot own = {predicate, 0};
  collective("a vote", mask, &own, combine_ballot);
  return own.result;
}

uint64_t shuffle_bits(uint32_t mask, uint64_t bits, int source) {
  Shuffle own = {bits, source, 0, false};
  collective("a shuffle", mask, &own, combine_shuffle);
  if (own.absent) fail("a shuffle from a lane that its mask leaves out");
  return own.result;
}

void ldmatrix(uint32_t* to, const void* row, int matrices, bool transpose) {
  const char* what[] = {"ldmatrix<1>", "ldmatrix<2>", "", "ldmatrix<4>"};
  const char* what_transposed[] = {"ldmatrix_transposed<1>", "ldmatrix_transposed<2>", "",
                                   "ldmatrix_transposed<4>"};
  if (lane() < 8 * matrices) require_aligned(row, 16);
  Rows own = {to, row, matrices, transpose};
  collective((transpose ? what_transposed : what)[matrices - 1], kAll, &own, combine_ldmatrix);
}

void mma(float* d, const uint32_t* a, const uint32_t* b) {
  Mma own = {d, a, b};
  collective("mma", kAll, &own, combine_mma);
}

void copy_async(void* shared, const void* global, int bytes) {
  require_aligned(shared, 16);
  require_aligned(global, 16);
  Block& block = Block::of_this_thread();
  if (bytes < 0 || bytes > 16) block.fail("a copy of " + std::to_string(bytes) + " bytes");
  Copy copy = {shared, {}, block.copy_group()};
  if (bytes > 0) std::memcpy(copy.bytes, global, static_cast<size_t>(bytes));
  block.copies().push_back(copy);
  std::memset(shared, 0xff, 16);
}

void copy_commit() { ++Block::of_this_thread().copy_group(); }

void copy_wait(int groups) {
  Block& block = Block::of_this_thread();
  std::vector<Copy>& copies = block.copies();
  size_t done = 0;
  for (; done < copies.size() && copies[done].group < block.copy_group() - groups; ++done)
    std::memcpy(copies[done].to, copies[done].bytes, 16);
  copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace attune::cuda::host
