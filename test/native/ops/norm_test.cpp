#include <cmath>

#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  NormKind kind;
  int64_t rows, cols;
  DType dtype;
  bool delta;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  int turn = 0;
  for (NormKind kind : {NormKind::rms, NormKind::layer}) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      for (int64_t cols : {1, 8, 37, 64, 577}) {
        all.push_back({kind, cols == 577 ? 70 : 5, cols, dtype, ++turn % 2 == 0});
      }
      all.push_back({kind, 1, 48, dtype, true});
      all.push_back({kind, 2, 33000, dtype, true});  // longer than a block's registers hold
    }
  }
  return all;
}

std::string name_of(const Case& c, const std::string& isa) {
  return std::string(c.kind == NormKind::rms ? "rms " : "layer ") + test::name_of(c.dtype) + " " +
         std::to_string(c.rows) + "x" + std::to_string(c.cols) + (c.delta ? " delta " : " ") + isa;
}

constexpr double kEpsilon = 1e-5f;

/** y of sums [rows, cols]. */
Values reference(const Case& c, const Values& sums, const Values& weight, const Values& bias) {
  Values y;
  for (int64_t t = 0; t < c.rows; ++t) {
    const double* s = sums.data() + t * c.cols;
    double mean = 0, square = 0;
    for (int64_t j = 0; c.kind == NormKind::layer && j < c.cols; ++j)
      mean += s[j] / static_cast<double>(c.cols);
    for (int64_t j = 0; j < c.cols; ++j) square += (s[j] - mean) * (s[j] - mean);
    const double rstd = 1 / std::sqrt(square / static_cast<double>(c.cols) + kEpsilon);
    for (int64_t j = 0; j < c.cols; ++j) {
      const size_t at = static_cast<size_t>(j);
      y.push_back((s[j] - mean) * rstd * weight[at] + bias[at]);
    }
  }
  return y;
}

struct Operands {
  explicit Operands(const Case& c)
      : x(c.rows, c.cols, c.dtype, 1),
        delta(c.rows, c.cols, c.dtype, 2),
        sum(c.rows, c.cols, c.dtype, 3),
        y(c.rows, c.cols, c.dtype, 1),
        weight(1, c.cols, DType::f32),
        bias(1, c.cols, DType::f32),
        stats(c.rows, 2, DType::f32) {
    x.random(1, 1, 0.3);
    delta.random(2);
    weight.random(3, 0.5, 1);
    bias.random(4);
    for (int64_t t = 0; t < c.rows; ++t) {
      for (int64_t j = 0; j < c.cols; ++j) {
        sums.push_back(rounded(x.at(t, j) + (c.delta ? delta.at(t, j) : 0), c.dtype));
      }
    }
  }
  NormArgs args(const Case& c) {
    NormArgs args;
    args.kind = c.kind;
    args.x = x.view();
    if (c.delta) args.delta = delta.view();
    args.sum = sum.view();
    args.y = y.view();
    args.weight = weight.f32();
    args.bias = bias.f32();
    args.stats = stats.f32();
    return args;
  }
  Matrix x, delta, sum, y, weight, bias, stats;
  Values sums;
};

TEST(norm) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : cases()) {
      run(name_of(c, b.isa), [&] {
        Operands o(c);
        const Values expected = reference(c, o.sums, o.weight.values(), o.bias.values());
        NormArgs args = o.args(c);
        run_stable({&o.sum, &o.y, &o.stats}, {1, 3}, [&] { b.backend->norm(args); });
        expect_close("sum", o.sum.values(), o.sums, 0);
        expect_close("y", o.y.values(), expected,
                     tolerance(c.dtype, c.dtype == DType::f32 ? 20 : 1.1));
        const Matrix y = o.y, before = o.x;
        args.sum = o.x.view();  // in place
        run_stable({&o.x, &o.y}, {}, [&] { b.backend->norm(args); });
        expect(o.y == y, "sum = x changes y");
        o.x = before;
        if (!c.delta) {
          args.sum = Tensor();
          b.backend->norm(args);
          expect(o.y == y, "an absent sum changes y");
          return;
        }
        args.sum = o.delta.view();
        b.backend->norm(args);
        expect(o.y == y, "sum = delta changes y");
      });
    }
  }
}

/** Gradients of y . d_y by central differences of the reference. */
void check_backward(const Case& c, Backend& backend) {
  Operands o(c);
  backend.norm(o.args(c));
  Matrix d_y(c.rows, c.cols, c.dtype, 2), d_x(c.rows, c.cols, c.dtype, 1);
  Matrix d_weight(1, c.cols, DType::f32), d_bias(1, c.cols, DType::f32);
  d_y.random(5);
  d_weight.fill(0.5);
  d_bias.fill(-0.25);
  NormBackwardArgs args;
  args.kind = c.kind;
  args.d_y = d_y.view();
  args.sum = o.sum.view();
  args.d_x = d_x.view();
  args.weight = o.weight.f32();
  args.stats = o.stats.f32();
  args.d_weight = d_weight.f32();
  args.d_bias = d_bias.f32();
  run_stable({&d_x, &d_weight, &d_bias}, {}, [&] { backend.norm_backward(args); });

  Values sums = o.sum.values(), weight = o.weight.values(), bias = o.bias.values();
  const Values upstream = d_y.values();
  const auto f = [&] { return dot(reference(c, sums, weight, bias), upstream); };
  const bool single = c.dtype == DType::f32;
  expect_gradient("d_x", d_x.values(), sums, f, single ? 2e-5 : tolerance(c.dtype, 1.2));
  Values plain = d_weight.values(), offset = d_bias.values();
  for (double& v : plain) v -= 0.5;
  for (double& v : offset) v += 0.25;
  expect_gradient("d_weight", plain, weight, f, 2e-5);
  expect_gradient("d_bias", offset, bias, f, 2e-5);

  const Values without = d_x.values();  // accumulate, then in place with frozen weights
  Matrix total(c.rows, c.cols, c.dtype, 1);
  total.random(6);
  Values expected = total.values();
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += without[i];
  args.d_x = total.view();
  args.accumulate = true;
  args.d_weight = args.d_bias = nullptr;
  run_stable({&total}, {1, 3}, [&] { backend.norm_backward(args); });
  expect_close("accumulated d_x", total.values(), expected, tolerance(c.dtype, single ? 8 : 2.2));
  args.accumulate = false;
  args.d_x = d_y.view();
  backend.norm_backward(args);
  expect_close("d_x over d_y", d_y.values(), without, 0);
}

TEST(norm_backward) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : cases()) run(name_of(c, b.isa), [&] { check_backward(c, *b.backend); });
  }
}

TEST(add) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      run(test::name_of(dtype) + " " + b.isa, [&] {
        Matrix x(9, 77, dtype, 1), y(9, 77, dtype, 2), out(9, 77, dtype, 3);
        x.random(1);
        y.random(2);
        Values expected = x.values();
        const Values other = y.values();
        for (size_t i = 0; i < expected.size(); ++i) expected[i] += other[i];
        AddArgs args;
        args.a = x.view();
        args.b = y.view();
        args.out = out.view();
        run_stable({&out}, {1, 3}, [&] { b.backend->add(args); });
        expect_close("out", out.values(), expected, tolerance(dtype, 1));
        args.out = args.b;
        b.backend->add(args);
        expect_close("in place", y.values(), out.values(), 0);
      });
    }
  }
}

}  // namespace
}  // namespace attune::test
