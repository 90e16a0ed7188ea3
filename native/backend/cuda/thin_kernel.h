// One kernel for what adapters take of wide matrices that are read, or made, anyway: sums over
// tokens, thin beside wide (the gradients of A and B), and sums over columns, thin beside long (low
// and its gradient).
//
// A block takes some strips of 128 columns of some tiles of 32 rows, and goes down one strip after
// the other; tiles come by asynchronous copies. Sums over tokens are kept in registers as far as
// the strip goes; sums over columns in shared memory from strip to strip. Both go to the workspace
// as parts, which a second kernel adds in order, so that bits do not depend on which block ends
// first.
//
// A Form has sizes (thin_split.h); where `kMakes` is set, `begin` makes of the tiles, in place,
// what is to be multiplied.
#pragma once
#include "backend/cuda/kernels.h"
#include "backend/cuda/launch.h"
#include "backend/cuda/thin_split.h"

namespace attune::cuda {

template <class Form>
constexpr int kThinThreads = kThinWarps<Form>* kWarp;

template <class Form>
struct ThinWork {
  TileSource wide[Form::kWide];
  TileSource thin[Form::kProducts + 1];  // one more, so that there may be none
  TileSource side[Form::kSides];
  bool transposed[Form::kProducts + 1];  // parts are [rank, columns]
  int columns, rank;
  int tiles, strips;    // of a block
  float* column_parts;  // [row groups, kProducts, columns x rank]
  float* row_parts;     // [column groups, kSides, rows, rank]
  Form form;
};

/** Grid: (column group, row group). N: the rank, in sixteens. */
template <class Form, int N>
__global__ void __launch_bounds__(kThinThreads<Form>, Form::kBlocks)
    thin_kernel(ThinWork<Form> work) {
  constexpr int kThreads = kThinThreads<Form>, kStages = Form::stages(N);
  constexpr int kOfWarp = kStrip / kThinWarps<Form>;  // columns
  constexpr int kSums = sums_of_tile<Form>(N), kSide = side_tile<Form>(N);
  auto* sums = reinterpret_cast<float*>(shared_memory());
  auto* wide_tiles = reinterpret_cast<bf16*>(sums + work.tiles * kSums);
  bf16* thin_tiles = wide_tiles + kStages * Form::kWide * kWideTile;
  bf16* side_tiles = thin_tiles + kStages * Form::kProducts * kThinTile<N>;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int rows = work.wide[0].rows;
  const int first_strip = static_cast<int>(blockIdx.x) * work.strips;
  const int first_tile = static_cast<int>(blockIdx.y) * work.tiles;
  const int tiles = min(work.tiles, (rows + kDeep - 1) / kDeep - first_tile);
  const int strips = min(work.strips, (work.columns + kStrip - 1) / kStrip - first_strip);
  const int steps = tiles * strips;
  const auto wide_of = [&](int slot, int i) {
    return wide_tiles + (slot * Form::kWide + i) * kWideTile;
  };
  const auto thin_of = [&](int slot, int i) {
    return thin_tiles + (slot * Form::kProducts + i) * kThinTile<N>;
  };
  const auto side_of = [&](int slot, int i) {
    return side_tiles + (slot * Form::kSides + i) * kSide;
  };
  const auto load_step = [&](int step) {
    if (step < steps) {
      const int strip = step / tiles, tile = step % tiles, slot = step % kStages;
      const int column = (first_strip + strip) * kStrip, row = (first_tile + tile) * kDeep;
#pragma unroll
      for (int i = 0; i < Form::kWide; ++i) {
        TileSource from = work.wide[i];
        from.data += column;
        load_tile<kStrip, kDeep, kThreads>(wide_of(slot, i), from, row, work.columns - column);
      }
#pragma unroll
      for (int i = 0; i < Form::kProducts; ++i)
        load_tile<N, kDeep, kThreads>(thin_of(slot, i), work.thin[i], row, work.rank);
      if (tile == 0) {
#pragma unroll
        for (int i = 0; i < Form::kSides; ++i) {
          TileSource from = work.side[i];
          bf16* to = side_of(strip % kStages, i);
          if constexpr (Form::kRowSides) {
            from.data += column;
            load_tile<kStrip, N, kThreads>(to, from, 0, work.columns - column);
          } else {
            load_tile<N, kStrip, kThreads>(to, from, column, work.rank);
          }
        }
      }
    }
    copy_commit();  // of nothing behind the last step, so that groups count steps
  };
  for (int step = 0; step < kStages - 1; ++step) load_step(step);

  // A warp's sums: over tokens of some columns and all of the rank, of each product; over columns
  // of 16 rows and half of the rank, of one side.
  const int own_side = warp / 4, half = warp / 2 % 2 * (N / 2), rows_from = warp % 2 * 16;
  const auto own_sums = [&](int tile) {
    return sums + (tile * kThinWarps<Form> + warp) * kRowSums<N>;
  };
  for (int tile = 0; tile < tiles; ++tile) clear_rows<N>(own_sums(tile));
  const int64_t of_columns = static_cast<int64_t>(work.columns) * work.rank;
  float acc[Form::kProducts + 1][kOfWarp / 16][N / 8][4] = {};
  for (int step = 0; step < steps; ++step) {
    copy_wait<kStages - 2>();
    __syncthreads();  // the tiles are here, and the slot of the step before is free
    load_step(step + kStages - 1);
    const int strip = step / tiles, tile = step % tiles, slot = step % kStages;
    const int column = (first_strip + strip) * kStrip;
    if constexpr (Form::kMakes) {
      work.form.template begin<kThreads>(wide_of(slot, 0), (first_tile + tile) * kDeep, rows,
                                         column, work.columns);
      __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < Form::kProducts; ++i)
      add_columns<kOfWarp / 16, N>(acc[i], wide_of(slot, i) + warp * kOfWarp, thin_of(slot, i));
    add_rows<N, Form::kRowSides>(own_sums(tile),
                                 wide_of(slot, own_side) + rows_from * kTileStride<kStrip>,
                                 side_of(strip % kStages, own_side), half);
    if (tile + 1 < tiles) continue;
#pragma unroll
    for (int i = 0; i < Form::kProducts; ++i) {
      float* to = work.column_parts + (blockIdx.y * Form::kProducts + i) * of_columns;
      const int column_step = work.transposed[i] ? 1 : work.rank;
      const int thin_step = work.transposed[i] ? work.columns : 1;
      each_column<kOfWarp / 16, N>(acc[i], [&](int c, int t, float& sum) {
        const int at = column + warp * kOfWarp + c;
        if (at < work.columns && t < work.rank)
          to[static_cast<int64_t>(at) * column_step + static_cast<int64_t>(t) * thin_step] = sum;
        sum = 0;
      });
    }
  }

  float* to = work.row_parts +
              static_cast<int64_t>(blockIdx.x * Form::kSides + own_side) * rows * work.rank;
  for (int tile = 0; tile < tiles; ++tile) {
    const int from = (first_tile + tile) * kDeep + rows_from;
    each_row<N>(own_sums(tile), [&](int row, int t, float sum) {
      if (from + row < rows && half + t < work.rank)
        to[static_cast<int64_t>(from + row) * work.rank + half + t] = sum;
    });
  }
}

/**
 * The split of `work` on this device, and its parts' place in the workspace; `work` is filled in.
 * Fewer rows than asked for where the workspace has room for those alone. Absent where a block has
 * no room at all.
 */
template <class Form, int N>
ThinSplit plan_thin(Runtime& runtime, ThinWork<Form>& work) {
  const ThinShape shape =
      thin_shape<Form>(runtime.facts(), work.wide[0].rows, work.columns, work.rank);
  const ThinSplit split = split_of(shape);
  if (!split) return split;
  for (TileSource& source : work.wide) source.rows = static_cast<int>(shape.rows);
  for (TileSource& source : work.thin) source.rows = static_cast<int>(shape.rows);
  work.tiles = split.tiles;
  work.strips = split.strips;
  const ThinParts parts = parts_of(shape, split);
  work.column_parts = static_cast<float*>(
      runtime.workspace(static_cast<size_t>(parts.columns + parts.rows) * sizeof(float)));
  work.row_parts = work.column_parts + parts.columns;
  return split;
}

template <class Form, int N>
Shape shape_of(const ThinSplit& split) {
  const int bytes = tile_bytes<Form>(N) + split.tiles * sums_of_tile<Form>(N) * 4;
  return {dim3(split.column_groups, split.row_groups), dim3(kThinThreads<Form>),
          static_cast<size_t>(bytes)};
}

/** The sum of the parts of product `i`, over tokens, into c. */
template <class Form>
PartSum over_tokens(const ThinWork<Form>& work, const ThinSplit& split, int i, float* c) {
  const int64_t each = static_cast<int64_t>(work.columns) * work.rank;
  const bool turned = work.transposed[i];
  return {
      work.column_parts + i * each,
      static_cast<int>(split.row_groups),
      Form::kProducts * each,
      Tensor(c, DType::f32, turned ? work.rank : work.columns, turned ? work.columns : work.rank),
      1,
      true};
}

/** The same of side `i`, over columns, into the first rows of c. */
template <class Form>
PartSum over_columns(const ThinWork<Form>& work, const ThinSplit& split, int i, Tensor c,
                     float scale) {
  const int64_t rows = work.wide[0].rows, each = rows * work.rank;
  return {work.row_parts + i * each,
          static_cast<int>(split.column_groups),
          Form::kSides * each,
          c.row_range(0, rows),
          scale,
          false};
}

/** Calls f with N, the rank in sixteens: 16, 32, 48 or 64. */
template <class F>
auto with_rank(int64_t rank, const F& f) {
  if (rank <= 16) return f(std::integral_constant<int, 16>());
  if (rank <= 32) return f(std::integral_constant<int, 32>());
  if (rank <= 48) return f(std::integral_constant<int, 48>());
  return f(std::integral_constant<int, 64>());
}

constexpr int64_t kThinLeastRows = 128, kThinMostColumns = 1 << 16;

/** Whether the kernel may take matrices of these sizes. */
inline bool is_thin(int64_t rows, int64_t columns, int64_t rank) {
  return rank > 0 && rank <= kThin && rows >= kThinLeastRows && rows <= INT32_MAX && columns > 0 &&
         columns <= kThinMostColumns;
}

}  // namespace attune::cuda
