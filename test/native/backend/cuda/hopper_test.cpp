// The instructions of hopper.h as the host layer has them: right where they are waited for, and
// found where they are not.
#include "backend/cuda/hopper.h"

#include <cmath>

#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"
#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

using namespace attune::cuda;

/** What a kernel leaves out, or does too early. */
enum class Fault {
  none,
  tile_wait,
  sums_wait,
  late_sums_wait,
  fence,
  init_fence,
  init,
  overwrite,
  registers,
  parity,
  phase,
  arrival,
  copy_left,
  named_left
};

template <int B, int E>
struct Tiles {
  bf16 a[64 * E], b[B * E];
  TileBarrier full;
};

template <int N>
__device__ void store(float* to, const float (&sums)[N][4]) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
  for (int n = 0; n < N; ++n) {
    for (int i = 0; i < 4; ++i) {
      const int row = 16 * (thread / kWarp) + lane / 4 + 8 * (i / 2);
      to[row * 8 * N + 8 * n + 2 * (lane % 4) + i % 2] = sums[n][i];
    }
  }
}

/** c = a b^T and d = c b, c rounded to bf16: a [64, E], b [B, E], by one warpgroup. */
template <int B, int E>
void products(TensorMap a, TensorMap b, float* c, float* d, Fault fault) {
  auto& tiles = *reinterpret_cast<Tiles<B, E>*>(shared_memory());
  const auto load = [&](bf16* to, const TensorMap& map, int rows) {
    for (int panel = 0; panel < E / kPanel; ++panel)
      copy_tile(to + panel * rows * kPanel, map, 0, panel * kPanel, tiles.full);
  };
  if (threadIdx.x == 0) {
    if (fault != Fault::init) barrier_init(tiles.full, 1);
    if (fault != Fault::init_fence) barrier_init_fence();
    if (fault == Fault::arrival) barrier_arrive(tiles.full);
    barrier_expect(tiles.full, 2 * E * (64 + B));
    if (fault == Fault::arrival) barrier_arrive(tiles.full);
    load(tiles.a, a, 64);
    load(tiles.b, b, B);
  }
  __syncthreads();
  if (fault != Fault::tile_wait) barrier_wait(tiles.full, fault == Fault::parity ? 1 : 0);
  float sums[B / 8][4];
  const uint64_t left = tile_descriptor(tiles.a, 64), right = tile_descriptor(tiles.b, B);
  if (fault != Fault::fence) wgmma_fence();
  for (int e = 0; e < E; e += 16)
    wgmma_transposed(sums, left + descriptor_column(64, e), right + descriptor_column(B, e), e > 0);
  wgmma_commit();
  if (fault == Fault::copy_left) wgmma_wait<0>(sums);
  if (threadIdx.x == 0 && (fault == Fault::overwrite || fault == Fault::copy_left)) {
    barrier_expect(tiles.full, 2 * E * B);
    load(tiles.b, b, B);
  }
  if (fault == Fault::sums_wait || fault == Fault::copy_left) return;
  if (fault == Fault::late_sums_wait) store(c, sums);
  wgmma_wait<0>(sums);
  if (fault == Fault::late_sums_wait) return;
  store(c, sums);
  float out[E / 8][4] = {};
  uint32_t weights[B / 16][4];
  for (int k = 0; k < B / 16; ++k) {
    for (int i = 0; i < 4; ++i) {
      const float* pair = &sums[2 * k + i / 2][2 * (i % 2)];
      weights[k][i] = pack_bf16(pair[0], pair[1]);
    }
  }
  wgmma_fence();
  for (int k = 0; k < B / 16; ++k) wgmma_rows(out, weights[k], right + descriptor_row(16 * k));
  wgmma_commit();
  if (fault == Fault::registers) weights[0][1] ^= 0x10000;
  wgmma_wait<0>(out);
  store(d, out);
  if (fault == Fault::phase) barrier_wait(tiles.full, 1);
  if (fault == Fault::named_left && threadIdx.x < kWarp) named_arrive(3, 64);
}

/** The operands and results of `products`; b has two rows less than its tile. */
template <int B, int E>
struct Products {
  Products() : a(64, E, DType::bf16, 8), b(B - 2, E, DType::bf16, 16), c(64 * B), d(64 * E) {
    a.random(1);
    b.random(2);
  }
  void run(Runtime& runtime, Fault fault = Fault::none) {
    const auto map = [](Matrix& x, int rows) {
      const Tensor view = x.view();
      return tensor_map(view.data, view.cols, view.rows, view.stride, rows);
    };
    launch(runtime, "products", products<B, E>, {1, kWarpgroup, sizeof(Tiles<B, E>)}, map(a, 64),
           map(b, B), c.data(), d.data(), fault);
  }
  Matrix a, b;
  std::vector<float> c, d;
};

Values widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

template <int B, int E>
void check_products(Runtime& runtime) {
  run("products " + std::to_string(B) + " x " + std::to_string(E), [&] {
    for (int turn = 0; turn < 4; ++turn) {
      using Order = host::Order;
      host::set_order({turn == 1   ? Order::reverse
                       : turn == 0 ? Order::forward
                                   : Order::shuffle,
                       static_cast<uint64_t>(turn)});
      Products<B, E> p;
      p.run(runtime);
      Values c(64 * B), d(64 * E);
      for (int64_t i = 0; i < 64; ++i) {
        for (int64_t j = 0; j < B - 2; ++j) {
          double sum = 0;
          for (int64_t e = 0; e < E; ++e) sum += p.a.at(i, e) * p.b.at(j, e);
          c[static_cast<size_t>(i * B + j)] = sum;
          // As rounded there, whose last bit may fall either way.
          const double kept = rounded(p.c[static_cast<size_t>(i * B + j)], DType::bf16);
          for (int64_t e = 0; e < E; ++e) d[static_cast<size_t>(i * E + e)] += kept * p.b.at(j, e);
        }
      }
      expect_close("c", widened(p.c), c, tolerance(DType::f32, 20));
      expect_close("d", widened(p.d), d, tolerance(DType::f32, 20));
    }
    host::set_order({});
  });
}

TEST(cuda_hopper) {
  Runtime runtime(0);
  check_products<64, 64>(runtime);
  check_products<128, 64>(runtime);
  check_products<64, 128>(runtime);
  check_products<128, 128>(runtime);

  const struct {
    Fault fault;
    const char* name;
    const char* message;
  } found[] = {
      {Fault::tile_wait, "a tile that is not waited for", "a tile copy that it has not waited for"},
      {Fault::parity, "a wait for the phase before", "a tile copy that it has not waited for"},
      {Fault::sums_wait, "products that are not waited for", "products that it has not waited for"},
      {Fault::fence, "no fence ahead of a product", "wgmma without wgmma_fence"},
      {Fault::init_fence, "no fence ahead of a copy", "copy_tile without barrier_init_fence"},
      {Fault::init, "a barrier that none has made", "has not been initialised"},
      {Fault::overwrite, "a tile filled again too early", "an operand of wgmma that has changed"},
      {Fault::registers, "registers written too early", "an operand of wgmma that has changed"},
      {Fault::phase, "a phase that never ends", "threads 0 to 127 at the tile barrier"},
      {Fault::arrival, "an arrival too many", "a tile barrier that all have reached"},
      {Fault::copy_left, "a copy left under way", "a tile copy that it has not waited for"},
      {Fault::named_left, "a named barrier left half taken", "an arrival at a named barrier"},
  };
  for (const auto& entry : found) {
    run(std::string("found: ") + entry.name, [&] {
      Products<64, 64> p;
      try {
        p.run(runtime, entry.fault);
        fail("accepted");
      } catch (const Error& error) {
        const std::string message = error.what();
        expect(error.code() == Code::internal && message.find(entry.message) != std::string::npos,
               message);
      }
    });
  }
  run("sums are NaN until the wait", [&] {
    Products<64, 64> p;
    p.run(runtime, Fault::late_sums_wait);
    for (float sum : p.c) expect(std::isnan(sum), "a number");
  });
  run("the next kernel runs after a failure", [&] {
    Products<64, 64> p;
    p.run(runtime);
    expect(std::isfinite(p.d[0]), "a result");
  });
}

}  // namespace
}  // namespace attune::test
