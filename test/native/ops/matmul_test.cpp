#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  int64_t m, n, k;
  bool trans_a, trans_b, accumulate, bias;
  DType dtype, out;
  int64_t pad;
  float scale = 1;
};

std::string name_of(const Case& c) {
  return std::to_string(c.m) + "x" + std::to_string(c.n) + "x" + std::to_string(c.k) +
         (c.trans_a ? " aT" : "") + (c.trans_b ? " bT" : "") + (c.accumulate ? " +=" : "") +
         (c.bias ? " bias" : "") + " " + test::name_of(c.dtype) + "-" + test::name_of(c.out) +
         (c.pad ? " strided" : "");
}

std::vector<Case> cases() {
  const int64_t shapes[][3] = {{1, 1, 1},    {1, 70, 33},   {3, 17, 64},    {4, 50, 7},
                               {5, 3, 1},    {9, 16, 16},   {33, 47, 65},   {64, 16, 300},
                               {197, 5, 19}, {200, 210, 9}, {130, 257, 140}};
  std::vector<Case> all;
  int turn = 0;
  for (const auto& s : shapes) {
    for (int trans = 0; trans < 4; ++trans) {
      for (int type = 0; type < 3; ++type, ++turn) {
        const DType in = type == 0 ? DType::f32 : DType::bf16;
        const DType out = type == 2 ? DType::bf16 : DType::f32;
        all.push_back({s[0], s[1], s[2], trans % 2 == 1, trans / 2 == 1, turn % 2 == 1,
                       turn % 5 < 2, in, out, turn % 3});
      }
    }
  }
  return all;
}

using Multiply = std::function<bool(const MatmulArgs&)>;

void check_product(const Case& c, const Multiply& multiply) {
  Matrix a(c.trans_a ? c.k : c.m, c.trans_a ? c.m : c.k, c.dtype, c.pad);
  Matrix b(c.trans_b ? c.n : c.k, c.trans_b ? c.k : c.n, c.dtype, 2 * c.pad);
  Matrix out(c.m, c.n, c.out, c.pad), bias(1, c.n, DType::f32);
  a.random(1);
  b.random(2);
  bias.random(3);
  if (c.accumulate) out.random(4);
  Values expected;
  for (int64_t i = 0; i < c.m; ++i) {
    for (int64_t j = 0; j < c.n; ++j) {
      double total = 0;
      for (int64_t p = 0; p < c.k; ++p) {
        total += (c.trans_a ? a.at(p, i) : a.at(i, p)) * (c.trans_b ? b.at(j, p) : b.at(p, j));
      }
      expected.push_back(c.scale * total + (c.bias ? bias.at(0, j) : 0) +
                         (c.accumulate ? out.at(i, j) : 0));
    }
  }
  MatmulArgs args;
  args.a = a.view();
  args.b = b.view();
  args.c = out.view();
  args.trans_a = c.trans_a;
  args.trans_b = c.trans_b;
  args.accumulate = c.accumulate;
  args.bias = c.bias ? bias.f32() : nullptr;
  args.scale = c.scale;
  bool done = true;
  run_stable({&out}, {1, 3}, [&] { done = multiply(args) && done; });
  if (!done) return skip("oneDNN has no fast kernel");
  expect_close("c", out.values(), expected, tolerance(c.out, c.out == DType::bf16 ? 1.1 : 60));
}

/** Opens `builtin_matmul`, which HostBackend keeps to itself. */
struct Builtin : HostBackend {
  static void call(HostBackend& backend, const MatmulArgs& args) {
    (backend.*&Builtin::builtin_matmul)(args);
  }
};

TEST(matmul) {
  for (const Case& c : cases()) {
    for (NamedBackend& b : backends()) {
      run(name_of(c) + (b.processor ? " built-in " : " ") + b.isa, [&] {
        check_product(c, [&](const MatmulArgs& args) {
          b.processor ? Builtin::call(*b.processor, args) : b.backend->matmul(args);
          return true;
        });
      });
    }
    if (*onednn_version()) run(name_of(c) + " oneDNN", [&] { check_product(c, onednn_matmul); });
  }
}

/** Products as thin as those of adapters: over tokens, and over the depth of a row. */
TEST(matmul_thin) {
  std::vector<Case> all;
  const auto add = [&](int64_t m, int64_t n, int64_t k, bool a, bool b, DType in, DType out) {
    const auto turn = static_cast<int64_t>(all.size());
    all.push_back({m, n, k, a, b, turn % 3 != 0, false, in, out, turn % 2});
  };
  for (DType in : {DType::f32, DType::bf16}) {
    for (int64_t thin : {1, 16, 24, 48}) {
      add(thin, 70, 300, true, false, in, DType::f32);
      add(129, thin, 65, true, false, in, DType::f32);
      add(101, thin, 67, false, true, in, in);
      add(64, thin, 128, false, false, in, DType::f32);
    }
    add(1200, 16, 1000, true, false, in, DType::f32);  // as large as threads share
    add(1200, 16, 1000, false, true, in, in);
  }
  for (const Case& c : all) {
    for (NamedBackend& b : backends()) {
      if (!b.processor) continue;
      run(name_of(c) + " " + b.isa, [&] {
        check_product(c, [&](const MatmulArgs& args) {
          b.backend->matmul(args);
          return true;
        });
      });
    }
  }
}

/** The gradients of adapters on a GPU: thin beside long, split over many rows. */
TEST(matmul_over_tokens) {
  const int64_t shapes[][3] = {{16, 200, 300}, {130, 16, 257}, {48, 129, 700}, {7, 33, 261},
                               {64, 64, 256},  {1, 1, 300},    {270, 50, 416}, {17, 128, 2050}};
  int turn = 0;
  for (const auto& s : shapes) {
    for (int64_t pad : {0, 3, 8}) {
      const Case c = {s[0],
                      s[1],
                      s[2],
                      true,
                      false,
                      ++turn % 2 == 1,
                      false,
                      DType::bf16,
                      DType::f32,
                      pad,
                      turn % 3 == 0 ? 0.5f : 1.0f};
      for (NamedBackend& b : backends()) {
        if (b.processor) continue;
        run(name_of(c) + " " + b.isa, [&] {
          check_product(c, [&](const MatmulArgs& args) {
            b.backend->matmul(args);
            return true;
          });
        });
      }
    }
  }
}

TEST(matmul_edges) {
  for (NamedBackend& b : backends()) {
    Backend& backend = *b.backend;
    run("K = 0 yields bias " + b.isa, [&] {
      Matrix a(3, 0, DType::f32), b(0, 5, DType::f32), c(3, 5, DType::bf16), bias(1, 5, DType::f32);
      bias.random(1);
      MatmulArgs args;
      args.a = a.view();
      args.b = b.view();
      args.c = c.view();
      args.c.dtype = DType::bf16;
      args.a.dtype = args.b.dtype = DType::bf16;
      args.bias = bias.f32();
      backend.matmul(args);
      Values expected;
      for (int i = 0; i < 15; ++i) expected.push_back(bias.at(0, i % 5));
      expect_close("c", c.values(), expected, tolerance(DType::bf16, 1));
    });
    run("M = 0 " + b.isa, [&] {
      Matrix a(0, 4, DType::f32), b(4, 5, DType::f32), c(0, 5, DType::f32);
      MatmulArgs args;
      args.a = a.view();
      args.b = b.view();
      args.c = c.view();
      backend.matmul(args);
    });
    run("shapes that do not match " + b.isa, [&] {
      Matrix a(2, 4, DType::f32), b(3, 5, DType::f32), c(2, 5, DType::f32);
      MatmulArgs args;
      args.a = a.view();
      args.b = b.view();
      args.c = c.view();
      try {
        backend.matmul(args);
        fail("accepted");
      } catch (const Error& error) {
        expect(error.code() == Code::shape, "another code");
      }
    });
  }
}

TEST(column_sum) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      for (int64_t cols : {1, 7, 130, 500}) {
        run(test::name_of(dtype) + " C=" + std::to_string(cols) + " " + b.isa, [&] {
          Matrix x(200, cols, dtype, 3), sums(1, cols, DType::f32);
          x.random(1);
          sums.random(2);
          Values expected = sums.values();
          for (int64_t i = 0; i < x.rows; ++i) {
            for (int64_t j = 0; j < cols; ++j) expected[static_cast<size_t>(j)] += x.at(i, j);
          }
          ColumnSumArgs args;
          args.x = x.view();
          args.sums = sums.f32();
          run_stable({&sums}, {}, [&] { b.backend->column_sum(args); });
          expect_close("sums", sums.values(), expected, tolerance(DType::f32, 60));
        });
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
