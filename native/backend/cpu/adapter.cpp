// Products with a side as thin as adapters have: their bound is how the wide side is read, once.
//
//   over tokens  c [R, C], or its transpose (+)= the sum over t of thin[t, r] wide[t, c]   d_A, d_B
//   over depth   c [M, R] (+)= a [M, K] b, all R columns of a row in registers             low,
//   d_low
//
// One side runs along the lanes, elements of the other are broadcast from memory. bfloat16 takes
// two steps of the sum at once where the processor multiplies pairs (avx512_bf16), and is left to
// other products elsewhere, as float32 over depth is, which they do as well. Columns, or rows, are
// shared out among threads: each sum has one order whatever their number.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/tile.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

constexpr int kThin = kLanes;  // rows of the thin side at a time
constexpr int64_t kMostThin = 48, kLeastWide = 64;
constexpr int64_t kTokens = 64;  // at a time: rows on as many pages as the nearest table holds

int64_t depth_of(const MatmulArgs& args) { return args.trans_a ? args.a.rows : args.a.cols; }

/** Writes a row of sums, scaled, over c or onto it. */
template <typename C>
void write_row(const MatmulArgs& args, const float* sums, int64_t row) {
  C* c = static_cast<C*>(args.c.data) + row * args.c.stride;
  for_lanes(args.c.cols, [&](int64_t j, auto lanes) {
    Vec value = load(sums + j, lanes) * args.scale;
    if (args.accumulate) value += load(c + j, lanes);
    store(c + j, value, lanes);
  });
}

/** A step of a sum is one product of float32. */
struct Singles {
  using Element = float;
  static constexpr int kSteps = 1;
  static inline float word(float value, float) { return value; }
  template <typename Lanes>
  static inline Vec across(const float* row, const float*, Lanes lanes) {
    return load(row, lanes);
  }
  static inline void add(Vec& sum, Vec x, const float* word) { sum += x * *word; }
};

#if defined(__AVX512F__)
/** A step is two products of bfloat16, whose factors share a word. VDPBF16PS, Intel SDM vol. 2. */
struct Pairs {
  using Element = uint16_t;
  static constexpr int kSteps = 2;
  static inline float word(uint16_t first, uint16_t second) {
    const uint32_t both = first | static_cast<uint32_t>(second) << 16;
    float word;
    memcpy(&word, &both, sizeof word);
    return word;
  }
  template <typename Lanes>
  static inline Vec across(const uint16_t* row, const uint16_t* next, Lanes lanes) {
    const Words first = bits_of(load(row, lanes)) >> 16;
    return from_bits(next ? first | bits_of(load(next, lanes)) : first);
  }
  static inline void add(Vec& sum, Vec x, const float* word) {
    // Written out, since the rest of this instruction set is compiled for processors without it.
    asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(x), "m"(*word));
  }
};
#endif

// ------------------------------------------------------------------------------- over tokens

struct OverTokens {
  explicit OverTokens(const MatmulArgs& args)
      : transposed(args.c.rows > args.c.cols),
        wide(transposed ? args.a : args.b),
        thin(transposed ? args.b : args.a),
        rows((thin.cols + kThin - 1) / kThin * kThin),
        width(padded(wide.cols)) {}
  bool transposed;  // c is [C, R]
  Tensor wide, thin;
  int64_t rows, width;  // R and C with padding
};

/**
 * sums [kThin, kLanes], `width` apart, (+)= the sum over some tokens; words [tokens, rows]. What
 * lies `ahead` is fetched meanwhile: a row of the wide side is short here, and the next far away.
 */
template <typename Kind, typename Lanes>
void add_tokens(const OverTokens& job, const float* words, const typename Kind::Element* from,
                int64_t tokens, int64_t ahead, bool first, float* sums, Lanes lanes) {
  const int64_t stride = job.wide.stride;
  Vec total[kThin];
#pragma GCC unroll 16
  for (int r = 0; r < kThin; ++r) total[r] = first ? Vec{} : load(sums + r * job.width, Full{});
  for (int64_t t = 0; t < tokens; t += Kind::kSteps) {
    for (int i = 0; i < Kind::kSteps; ++i) __builtin_prefetch(from + ahead + i * stride, 0, 2);
    const Vec x = Kind::across(from, t + 1 < tokens ? from + stride : nullptr, lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kThin; ++r) Kind::add(total[r], x, words + r);
    words += job.rows;
    from += Kind::kSteps * stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kThin; ++r) store(sums + r * job.width, total[r], Full{});
}

/** The words of a step side by side, steps below one another. */
template <typename Kind>
void pack_tokens(const OverTokens& job, Range tokens, float* words) {
  using Element = typename Kind::Element;
  const auto* thin = static_cast<const Element*>(job.thin.data);
  for (int64_t t = tokens.begin; t < tokens.end; t += Kind::kSteps) {
    const Element* row = thin + t * job.thin.stride;
    const Element* next = t + 1 < job.thin.rows ? row + job.thin.stride : nullptr;
    float* to = words + t / Kind::kSteps * job.rows;
    for (int64_t r = 0; r < job.rows; ++r) {
      const bool inside = r < job.thin.cols;
      to[r] = Kind::word(inside ? row[r] : Element{}, inside && next ? next[r] : Element{});
    }
  }
}

template <typename Kind>
void sum_columns(const OverTokens& job, const float* words, Range columns, float* sums) {
  const auto* wide = static_cast<const typename Kind::Element*>(job.wide.data);
  for (int64_t t = 0; t < job.wide.rows; t += kTokens) {
    const int64_t tokens = job.wide.rows - t < kTokens ? job.wide.rows - t : kTokens;
    const auto* from = wide + t * job.wide.stride;
    const int64_t ahead = t + 2 * kTokens <= job.wide.rows ? kTokens * job.wide.stride : 0;
    for_lanes(columns.end - columns.begin, [&](int64_t j, auto lanes) {
      const int64_t column = columns.begin + j;
      for (int64_t r = 0; r < job.rows; r += kThin)
        add_tokens<Kind>(job, words + t / Kind::kSteps * job.rows + r, from + column, tokens, ahead,
                         t == 0, sums + r * job.width + column, lanes);
    });
  }
}

void write_columns(const MatmulArgs& args, const OverTokens& job, Range columns, float* sums,
                   float* turned) {
  for (int64_t j = columns.begin; j < columns.end; j += kLanes) {
    const int64_t count = columns.end - j < kLanes ? columns.end - j : kLanes;
    transpose(sums + j, job.width, job.thin.cols, count, turned, padded(job.rows));
    for (int64_t i = 0; i < count; ++i)
      write_row<float>(args, turned + i * padded(job.rows), j + i);
  }
}

template <typename Kind>
void over_tokens(const MatmulArgs& args) {
  const OverTokens job(args);
  const int64_t steps = (job.wide.rows + Kind::kSteps - 1) / Kind::kSteps;
  const bool parallel = args.c.size() * job.wide.rows > kParallelProduct;
  const int threads = parallel ? max_threads() : 1;
  const int64_t turned = kLanes * padded(job.rows);
  Scratch words(steps * job.rows), sums(job.rows * job.width), tiles(turned * threads);
#pragma omp parallel num_threads(threads) if (parallel)
  {
    pack_tokens<Kind>(job, share(job.wide.rows, 2), words.data());
#pragma omp barrier
    const Range columns = share(job.wide.cols, kLanes);
    sum_columns<Kind>(job, words.data(), columns, sums.data());
    if (job.transposed)
      write_columns(args, job, columns, sums.data(), tiles.data() + turned * thread_index());
  }
  for (int64_t r = 0; !job.transposed && r < args.c.rows; ++r)
    write_row<float>(args, sums.data() + r * job.width, r);
}

// -------------------------------------------------------------------------------- over depth

#if defined(__AVX512F__)

template <int kCount>
struct Count {
  static constexpr int value = kCount;
};

/** b as [K / 2, R with padding] words. */
void pack_depth(const MatmulArgs& args, int64_t width, float* words) {
  const int64_t depth = args.a.cols, row = args.trans_b ? 1 : args.b.stride,
                column = args.trans_b ? args.b.stride : 1;
  for (int64_t p = 0; p < depth; p += 2, words += width) {
    const uint16_t* b = args.b.bf16() + p * row;
    for (int64_t j = 0; j < width; ++j) {
      const bool inside = j < args.c.cols;
      words[j] = Pairs::word(inside ? b[j * column] : uint16_t{},
                             inside && p + 1 < depth ? b[j * column + row] : uint16_t{});
    }
  }
}

/** sums [kRows, kVectors * kLanes] = rows of a times b. */
template <int kRows, int kVectors>
void sum_rows(const MatmulArgs& args, const float* words, int64_t row, float* sums) {
  const int64_t depth = args.a.cols, stride = args.a.stride;
  const uint16_t* a = args.a.bf16() + row * stride;
  Vec total[kRows][kVectors] = {};
  const auto step = [&](const float* word, int64_t apart, const float* b)
      __attribute__((always_inline)) {
    Vec y[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) y[v] = load(b + v * kLanes, Full{});
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const auto* at =
          reinterpret_cast<const float*>(reinterpret_cast<const char*>(word) + r * apart);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) Pairs::add(total[r][v], y[v], at);
    }
  };
  for (int64_t p = 0; p + 1 < depth; p += 2, words += kVectors * kLanes)
    step(reinterpret_cast<const float*>(a + p), 2 * stride, words);
  if (depth % 2) {  // the second of the last pair may lie beyond the memory
    float last[kRows];
    for (int r = 0; r < kRows; ++r) last[r] = Pairs::word(a[r * stride + depth - 1], 0);
    step(last, sizeof *last, words);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      store(sums + (r * kVectors + v) * kLanes, total[r][v], Full{});
  }
}

template <int kRows, int kVectors>
void rows_of_depth(const MatmulArgs& args, const float* words, Range rows) {
  float sums[kRows * kVectors * kLanes];
  const auto block = [&](auto count, int64_t row) {
    constexpr int kCount = decltype(count)::value;
    sum_rows<kCount, kVectors>(args, words, row, sums);
    for (int r = 0; r < kCount; ++r) {
      const float* from = sums + r * kVectors * kLanes;
      args.c.dtype == DType::bf16 ? write_row<uint16_t>(args, from, row + r)
                                  : write_row<float>(args, from, row + r);
    }
  };
  int64_t i = rows.begin;
  for (; i + kRows <= rows.end; i += kRows) block(Count<kRows>{}, i);
  for (; i < rows.end; ++i) block(Count<1>{}, i);
}

void over_depth(const MatmulArgs& args) {
  const int64_t width = padded(args.c.cols), depth = args.a.cols;
  Scratch words((depth + 1) / 2 * width);
  pack_depth(args, width, words.data());
#pragma omp parallel if (args.c.size() * depth > kParallelProduct)
  {
    const Range rows = share(args.c.rows, 48);
    if (width == kLanes) rows_of_depth<16, 1>(args, words.data(), rows);
    if (width == 2 * kLanes) rows_of_depth<12, 2>(args, words.data(), rows);
    if (width == 3 * kLanes) rows_of_depth<8, 3>(args, words.data(), rows);
  }
}

bool multiplies_pairs() {
  static const bool does = __builtin_cpu_supports("avx512bf16");
  return does;
}

#endif

}  // namespace

bool Kernels::thin_matmul(const MatmulArgs& args) {
  if (args.bias || depth_of(args) < kLeastWide) return false;
  const int64_t m = args.c.rows, n = args.c.cols, thin = m < n ? m : n, wide = m < n ? n : m;
  if (thin > kMostThin || wide < kLeastWide) return false;
  const bool tokens = args.trans_a && !args.trans_b && args.c.dtype == DType::f32;
  if (tokens && args.a.dtype == DType::f32) {
    over_tokens<Singles>(args);
    return true;
  }
#if defined(__AVX512F__)
  const bool pairs = args.a.dtype == DType::bf16 && multiplies_pairs();
  if (tokens && pairs) {
    over_tokens<Pairs>(args);
    return true;
  }
  if (!args.trans_a && n <= kMostThin && pairs) {
    over_depth(args);
    return true;
  }
#endif
  return false;
}

}  // namespace ATTUNE_ISA
}  // namespace attune
