// Tensor core instructions and asynchronous copies on the host layer, against plain arithmetic.
#include "backend/cuda/mma.h"

#include <cmath>

#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"
#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

using namespace attune::cuda;

/** Matrix i is rows 8 i … of x [32, 8]; to [32 lanes, N] by the definition. */
template <int N>
void read_matrices(const uint16_t* x, uint32_t* to, bool transposed) {
  auto* shared = reinterpret_cast<uint16_t*>(shared_memory());
  const int lane = static_cast<int>(threadIdx.x);
  for (int j = 0; j < 8; ++j) shared[lane * 8 + j] = x[lane * 8 + j];
  __syncwarp();
  // Lanes that name no row may hold any address.
  const void* row = lane < 8 * N ? shared + lane * 8 : nullptr;
  uint32_t own[N];
  if (transposed) {
    ldmatrix_transposed(own, row);
  } else {
    ldmatrix(own, row);
  }
  for (int i = 0; i < N; ++i) to[lane * N + i] = own[i];
}

template <int N>
void check_ldmatrix(Runtime& runtime, bool transposed) {
  Array<uint16_t> x(256);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint16_t>(i * 257 + 5);
  Array<uint32_t> to(32 * N);
  launch(runtime, "read_matrices", read_matrices<N>, {1, 32, 512}, x.data(), to.data(), transposed);
  for (size_t lane = 0; lane < 32; ++lane) {
    for (size_t i = 0; i < N; ++i) {
      const size_t g = lane / 4, t = lane % 4;
      const auto at = [&](size_t row, size_t column) -> uint32_t {
        return transposed ? x[(8 * i + column) * 8 + row] : x[(8 * i + row) * 8 + column];
      };
      const uint32_t expected = at(g, 2 * t) | at(g, 2 * t + 1) << 16;
      expect(to[lane * N + i] == expected, "lane " + std::to_string(lane));
    }
  }
}

enum class Way { fragments, tile, transposed_tile };

/** d [16, 8] += a [16, 16] times b [16, 8], or times b^T, b [8, 16], read as mma.h describes. */
void multiply(const bf16* a, const bf16* b, float* d, Way way) {
  auto* tile_a = reinterpret_cast<bf16*>(shared_memory());
  bf16* tile_b = tile_a + 16 * 16;
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  for (int i = lane; i < 256; i += 32) tile_a[i] = a[i];
  for (int i = lane; i < 128; i += 32) tile_b[i] = b[i];
  __syncwarp();
  const auto pair = [](bf16 low, bf16 high) {
    return low.bits | static_cast<uint32_t>(high.bits) << 16;
  };
  uint32_t left[4], right[2];
  if (way == Way::fragments) {
    for (int i = 0; i < 4; ++i) {
      const bf16* from = a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
      left[i] = pair(from[0], from[1]);
    }
    for (int i = 0; i < 2; ++i) {
      const bf16* from = b + (2 * t + 8 * i) * 8 + g;
      right[i] = pair(from[0], from[8]);
    }
  } else {
    ldmatrix(left, tile_a + lane % 16 * 16 + lane / 16 * 8);
    if (way == Way::tile) {
      ldmatrix_transposed(right, tile_b + lane % 16 * 8);
    } else {
      ldmatrix(right, tile_b + lane % 8 * 16 + lane / 8 % 2 * 8);
    }
  }
  float sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = d[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  mma(sums, left, right);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

void check_mma(Runtime& runtime, Way way, Matrix& a, Matrix& b) {
  Matrix d(16, 8, DType::f32);
  d.random(3);
  Values expected = d.values();
  for (int64_t i = 0; i < 16; ++i) {
    for (int64_t j = 0; j < 8; ++j) {
      for (int64_t k = 0; k < 16; ++k) {
        const double right = way == Way::transposed_tile ? b.at(j, k) : b.at(k, j);
        expected[static_cast<size_t>(i * 8 + j)] += a.at(i, k) * right;
      }
    }
  }
  launch(runtime, "multiply", multiply, {1, 32, 768}, static_cast<const bf16*>(a.view().data),
         static_cast<const bf16*>(b.view().data), d.f32(), way);
  expect_close("d", d.values(), expected, tolerance(DType::f32, 16));
}

TEST(cuda_mma) {
  Runtime runtime(0);
  for (bool transposed : {false, true}) {
    const std::string way = transposed ? " transposed" : "";
    run("ldmatrix 1" + way, [&] { check_ldmatrix<1>(runtime, transposed); });
    run("ldmatrix 2" + way, [&] { check_ldmatrix<2>(runtime, transposed); });
    run("ldmatrix 4" + way, [&] { check_ldmatrix<4>(runtime, transposed); });
  }
  for (Way way : {Way::fragments, Way::tile, Way::transposed_tile}) {
    const char* names[] = {"fragments", "a tile", "a transposed tile"};
    const std::string name = std::string("mma from ") + names[static_cast<int>(way)];
    const bool turned = way == Way::transposed_tile;
    run(name, [&] {
      Matrix a(16, 16, DType::bf16), b(turned ? 8 : 16, turned ? 16 : 8, DType::bf16);
      check_mma(runtime, way, a.random(1), b.random(2));
    });
    run(name + ", each position alone", [&] {
      Matrix a(16, 16, DType::bf16), b(turned ? 8 : 16, turned ? 16 : 8, DType::bf16);
      for (int64_t i = 0; i < 256; ++i) {
        a.fill(0).set(i / 16, i % 16, 3);
        check_mma(runtime, way, a, b.random(static_cast<uint32_t>(i)));
      }
      for (int64_t i = 0; i < 128; ++i) {
        b.fill(0).set(i / b.cols, i % b.cols, 3);
        check_mma(runtime, way, a.random(static_cast<uint32_t>(i)), b);
      }
    });
  }
  run("a row that is not aligned", [&] {
    try {
      launch(runtime, "askew",
             +[] {
               uint32_t to[1];
               ldmatrix(to, shared_memory() + 8 * threadIdx.x);
             },
             {1, 32, 512});
      fail("accepted");
    } catch (const Error& error) {
      expect(std::string(error.what()).find("thread (1, 0, 0)") != std::string::npos, error.what());
    }
  });
}

/** Copies three pieces of 4 floats, each a group, and reads after waiting for all but `behind`. */
template <int Behind>
void copy_pieces(const float* from, float* to) {
  auto* shared = reinterpret_cast<float*>(shared_memory()) + threadIdx.x * 12;
  for (int i = 0; i < 3; ++i) {
    copy_async(shared + 4 * i, from + 4 * i);
    copy_commit();
  }
  copy_wait<Behind>();
  for (int i = 0; i < 12; ++i) to[threadIdx.x * 12 + static_cast<unsigned>(i)] = shared[i];
  copy_wait<0>();
}

TEST(cuda_copy) {
  Runtime runtime(0);
  Matrix from(1, 16, DType::f32), to(2, 12, DType::f32);
  for (int64_t j = 0; j < 16; ++j) from.set(0, j, static_cast<double>(j));
  const auto expect_pieces = [&](int pieces) {
    for (int64_t i = 0; i < 24; ++i) {
      const double value = to.at(i / 12, i % 12);
      expect(i % 12 < 4 * pieces ? value == static_cast<double>(i % 12) : std::isnan(value),
             "element " + std::to_string(i));
    }
  };
  run("a wait covers the groups it says", [&] {
    launch(runtime, "copy_pieces", copy_pieces<0>, {1, 2, 96}, from.f32(), to.f32());
    expect_pieces(3);
    launch(runtime, "copy_pieces", copy_pieces<1>, {1, 2, 96}, from.f32(), to.f32());
    expect_pieces(2);
    launch(runtime, "copy_pieces", copy_pieces<2>, {1, 2, 96}, from.f32(), to.f32());
    expect_pieces(1);
    launch(runtime, "copy_pieces", copy_pieces<3>, {1, 2, 96}, from.f32(), to.f32());
    expect_pieces(0);
  });
  run("a wait does not cover what is in no group", [&] {
    launch(
        runtime, "uncommitted",
        +[](const float* from, float* to) {
          auto* shared = reinterpret_cast<float*>(shared_memory());
          copy_async(shared, from);
          copy_wait<0>();
          to[0] = shared[0];
          copy_commit();
          copy_wait<0>();
          to[1] = shared[1];
        },
        {1, 1, 16}, from.f32(), to.f32());
    expect(std::isnan(to.at(0, 0)) && to.at(0, 1) == 1, "values");
  });
  run("the rest is zero, and nothing of it is read", [&] {
    for (int bytes : {0, 4, 8, 12, 16}) {
      const std::vector<float> source(from.f32(), from.f32() + bytes / 4);  // and no more
      launch(
          runtime, "partial",
          +[](const float* from, float* to, int bytes) {
            auto* shared = reinterpret_cast<float*>(shared_memory());
            copy_async(shared, from, bytes);
            copy_commit();
            copy_wait<0>();
            for (int i = 0; i < 4; ++i) to[i] = shared[i];
          },
          {1, 1, 16}, source.data(), to.f32(), bytes);
      for (int64_t j = 0; j < 4; ++j)
        expect(to.at(0, j) == (j < bytes / 4 ? static_cast<double>(j) : 0), "a value");
    }
  });
  const auto expect_refused = [&](const std::string& word, void (*kernel)(const float*)) {
    try {
      launch(runtime, "refused", kernel, {1, 1, 64}, from.f32());
      fail("accepted");
    } catch (const Error& error) {
      expect(error.code() == Code::internal, "another code");
      expect(std::string(error.what()).find(word) != std::string::npos, error.what());
    }
  };
  run("what a device would not do", [&] {
    expect_refused(
        "not aligned", +[](const float* from) { copy_async(shared_memory() + 8, from); });
    expect_refused(
        "not aligned", +[](const float* from) { copy_async(shared_memory(), from + 1); });
    expect_refused(
        "17 bytes", +[](const float* from) { copy_async(shared_memory(), from, 17); });
    expect_refused(
        "not waited for", +[](const float* from) { copy_async(shared_memory(), from); });
  });
}

}  // namespace
}  // namespace attune::test
