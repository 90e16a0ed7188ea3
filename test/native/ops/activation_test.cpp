#include <cmath>

#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  Activation kind;
  const char* name;
  double (*f)(double);
};

const Case kCases[] = {
    {Activation::silu, "silu", [](double x) { return x / (1 + std::exp(-x)); }},
    {Activation::relu, "relu", [](double x) { return x > 0 ? x : 0; }},
    {Activation::gelu, "gelu", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }},
    {Activation::gelu_tanh, "gelu_tanh",
     [](double x) {
       const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
       return 0.5 * x * (1 + std::tanh(u));
     }},
};

double slope(const Case& c, double x) {
  if (c.kind == Activation::relu) return x > 0 ? 1 : 0;
  const double h = 1e-5;
  return (c.f(x + h) - c.f(x - h)) / (2 * h);
}

/** x and up are halves of one buffer, as in the decoder. */
struct Operands {
  Operands(int64_t rows, int64_t cols, DType dtype)
      : both(rows, 2 * cols, dtype, 1), out(rows, cols, dtype, 2), d_out(rows, cols, dtype, 1) {
    both.random(1, 4);
    d_out.random(2);
    for (int64_t j = 0; j < cols && j < 9; ++j) both.set(0, j, static_cast<double>(j - 4) * 25);
  }
  Matrix both, out, d_out;
};

void check_forward(const Case& c, Backend& backend, int64_t cols, DType dtype, bool gated) {
  Operands o(21, cols, dtype);
  Values expected;
  for (int64_t t = 0; t < 21; ++t) {
    for (int64_t j = 0; j < cols; ++j) {
      expected.push_back(c.f(o.both.at(t, j)) * (gated ? o.both.at(t, cols + j) : 1));
    }
  }
  ActivationArgs args;
  args.kind = c.kind;
  args.x = o.both.view().columns(0, cols);
  if (gated) args.up = o.both.view().columns(cols, cols);
  args.out = o.out.view();
  run_stable({&o.out}, {1, 3}, [&] { backend.activation(args); });
  // Close in relative terms, not to the largest: half of the gradient lives near zero.
  const double k = dtype == DType::f32 ? 40 : 1.1;
  const Values out = o.out.values();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(out[i] - expected[i]);
    expect(error <= tolerance(dtype, k) * std::fabs(expected[i]) + 3e-7,
           "out[" + std::to_string(i) + "] is off by " + std::to_string(error));
  }
}

void check_backward(const Case& c, Backend& backend, int64_t cols, DType dtype, bool gated) {
  Operands o(21, cols, dtype);
  Matrix d_both(21, 2 * cols, dtype, 1);
  Values expected_x, expected_up;
  for (int64_t t = 0; t < 21; ++t) {
    for (int64_t j = 0; j < cols; ++j) {
      const double x = o.both.at(t, j), up = o.both.at(t, cols + j), d = o.d_out.at(t, j);
      expected_x.push_back(d * slope(c, x) * (gated ? up : 1));
      expected_up.push_back(d * c.f(x));
    }
  }
  ActivationBackwardArgs args;
  args.kind = c.kind;
  args.x = o.both.view().columns(0, cols);
  args.d_out = o.d_out.view();
  args.d_x = d_both.view().columns(0, cols);
  if (gated) {
    args.up = o.both.view().columns(cols, cols);
    args.d_up = d_both.view().columns(cols, cols);
  }
  run_stable({&d_both}, {1, 3}, [&] { backend.activation_backward(args); });
  Values d_x, d_up;
  for (int64_t t = 0; t < 21; ++t) {
    for (int64_t j = 0; j < cols; ++j) {
      d_x.push_back(d_both.at(t, j));
      d_up.push_back(d_both.at(t, cols + j));
    }
  }
  const double limit = tolerance(dtype, dtype == DType::f32 ? 40 : 1.1);
  expect_close("d_x", d_x, expected_x, limit);
  if (gated) expect_close("d_up", d_up, expected_up, limit);
  args.d_x = args.x;
  args.d_up = args.up;
  backend.activation_backward(args);  // in place
  for (int64_t t = 0; t < 21; ++t) {
    for (int64_t j = 0; j < (gated ? 2 : 1) * cols; ++j) {
      expect(o.both.at(t, j) == d_both.at(t, j), "in place differs");
    }
  }
}

TEST(activation) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : kCases) {
      for (DType dtype : {DType::f32, DType::bf16}) {
        for (int64_t cols : {1, 19, 160}) {
          for (bool gated : {false, true}) {
            const std::string name = std::string(c.name) + " " + name_of(dtype) +
                                     " F=" + std::to_string(cols) + (gated ? " gated " : " ") +
                                     b.isa;
            run(name, [&] { check_forward(c, *b.backend, cols, dtype, gated); });
            run(name + " backward", [&] { check_backward(c, *b.backend, cols, dtype, gated); });
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
