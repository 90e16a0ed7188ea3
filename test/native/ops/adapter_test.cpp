#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  int64_t tokens, out, rank;
  DType dtype;
  int64_t pad;
  bool frozen = false;  // no d_b
};

std::string name_of(const Case& c) {
  return std::to_string(c.tokens) + "x" + std::to_string(c.out) + " rank " +
         std::to_string(c.rank) + " " + test::name_of(c.dtype) + (c.pad ? " strided" : "") +
         (c.frozen ? " frozen" : "");
}

/** d_low lies behind the columns of d_y, as in a Linear. */
void check_backward(const Case& c, Backend& backend) {
  Matrix d_y(c.tokens, c.out + c.rank, c.dtype, c.pad), low(c.tokens, c.rank, c.dtype, c.pad);
  Matrix b(c.out, c.rank, c.dtype, 3 * c.pad), d_b(c.out, c.rank, DType::f32);
  d_y.random(1);
  low.random(2);
  b.random(3);
  d_b.random(4);
  constexpr float kScale = 0.5f;
  Values expected_b = d_b.values(), expected_low(static_cast<size_t>(c.tokens * c.rank), 0.0);
  for (int64_t t = 0; t < c.tokens; ++t) {
    for (int64_t o = 0; o < c.out; ++o) {
      const double y = d_y.at(t, o);
      for (int64_t r = 0; r < c.rank; ++r) {
        expected_b[static_cast<size_t>(o * c.rank + r)] += y * low.at(t, r);
        expected_low[static_cast<size_t>(t * c.rank + r)] += kScale * y * b.at(o, r);
      }
    }
  }
  AdapterBackwardArgs args;
  args.d_y = d_y.view().columns(0, c.out);
  args.adapter.b = b.view();
  args.adapter.low = low.view();
  args.adapter.d_low = d_y.view().columns(c.out, c.rank);
  args.adapter.d_b = c.frozen ? nullptr : d_b.f32();
  args.adapter.scale = kScale;
  const Values before = d_y.values();
  run_stable({&d_b, &d_y}, {1, 3}, [&] { backend.adapter_backward(args); });
  Values d_low, expected_y, y;
  for (int64_t t = 0; t < c.tokens; ++t) {
    for (int64_t r = 0; r < c.rank; ++r) d_low.push_back(d_y.at(t, c.out + r));
    for (int64_t o = 0; o < c.out; ++o) {
      y.push_back(d_y.at(t, o));
      expected_y.push_back(before[static_cast<size_t>(t * (c.out + c.rank) + o)]);
    }
  }
  // A result of bfloat16 is rounded once; sums are of float32.
  expect_close("d_low", d_low, expected_low, tolerance(c.dtype, c.dtype == DType::bf16 ? 1.1 : 60));
  if (!c.frozen) expect_close("d_b", d_b.values(), expected_b, tolerance(DType::f32, 60));
  expect(y == expected_y, "d_y has changed");
}

// ------------------------------------------------------------------ with the activation

struct Gated {
  int64_t tokens, cols, rank;
  DType dtype;
  int64_t pad;
  Activation kind = Activation::silu;
  bool plain = false;  // no `up`
  int64_t down = 0;    // rank of the product that follows, where it is another; -1: not adapted
};

std::string name_of(const Gated& c) {
  const char* kinds[] = {"silu", "relu", "gelu", "gelu_tanh"};
  return std::string(kinds[static_cast<int>(c.kind)]) + " " + std::to_string(c.tokens) + "x" +
         std::to_string(c.cols) + " rank " + std::to_string(c.rank) + " " + test::name_of(c.dtype) +
         (c.pad ? " strided" : "") + (c.plain ? " plain" : "") +
         (c.down ? " down " + std::to_string(c.down) : "");
}

/** c [a.cols, b.cols] += a^T b, or where `rows`, c [a.rows, b.rows] = 0.5 a b^T. */
void add_product(Values& c, const Matrix& a, int64_t from, int64_t cols, const Matrix& b,
                 bool rows) {
  for (int64_t t = 0; t < a.rows; ++t) {
    for (int64_t j = 0; j < cols; ++j) {
      const double x = a.at(t, from + j);
      const int64_t rank = rows ? b.rows : b.cols;
      for (int64_t r = 0; r < rank; ++r) {
        if (rows)
          c[static_cast<size_t>(t * rank + r)] += 0.5 * x * b.at(r, j);
        else
          c[static_cast<size_t>(j * rank + r)] += x * b.at(t, r);
      }
    }
  }
}

Values turned(const Values& x, int64_t rows, int64_t cols) {
  Values result;
  for (int64_t j = 0; j < cols; ++j)
    for (int64_t i = 0; i < rows; ++i) result.push_back(x[static_cast<size_t>(i * cols + j)]);
  return result;
}

Values columns_of(const Matrix& x, int64_t from, int64_t count) {
  Values result;
  for (int64_t t = 0; t < x.rows; ++t)
    for (int64_t j = 0; j < count; ++j) result.push_back(x.at(t, from + j));
  return result;
}

double low_limit(DType dtype) { return tolerance(dtype, dtype == DType::bf16 ? 1.1 : 60); }

/** `out` is that of the op without an adapter; low, behind its columns, is made of it as stored. */
void check_low(const Gated& c, Backend& backend) {
  Matrix both(c.tokens, 2 * c.cols, c.dtype, c.pad), a(c.rank, c.cols, c.dtype, c.pad);
  Matrix out(c.tokens, c.cols + c.rank, c.dtype, c.pad), plain(c.tokens, c.cols, c.dtype, 8);
  both.random(1, 2);
  a.random(2);
  ActivationArgs args;
  args.kind = c.kind;
  args.x = both.view().columns(0, c.cols);
  if (!c.plain) args.up = both.view().columns(c.cols, c.cols);
  args.out = plain.view();
  backend.activation(args);
  args.out = out.view().columns(0, c.cols);
  args.adapter = {a.view(), out.view().columns(c.cols, c.rank), 0.5f};
  run_stable({&out}, {1, 3}, [&] { backend.activation(args); });
  const Values made = columns_of(out, 0, c.cols);
  expect_close("out", made, plain.values(), tolerance(c.dtype, 2.1));
  Values expected(static_cast<size_t>(c.tokens * c.rank), 0.0);
  add_product(expected, out, 0, c.cols, a, true);
  expect_close("low", columns_of(out, c.cols, c.rank), expected, low_limit(c.dtype));
}

/** In place, the gradients of low behind those of x and up, as in the decoder. */
void check_activation_backward(const Gated& c, Backend& backend) {
  const int64_t F = c.cols, R = c.rank, down = c.down ? c.down : R, sides = c.plain ? 1 : 2;
  Matrix both(c.tokens, sides * (F + R), c.dtype, c.pad), d_out(c.tokens, F, c.dtype, c.pad);
  Matrix low(c.tokens, 2 * R, c.dtype, c.pad), b(F, 2 * R, c.dtype, c.pad);
  Matrix d_low(c.tokens, down > 0 ? down : 1, c.dtype, c.pad), room(c.tokens, F, c.dtype, c.pad);
  Matrix d_a(down > 0 ? down : 1, F, DType::f32), d_b[2] = {{F, R, DType::f32}, {F, R, DType::f32}};
  both.random(1, 2);
  d_out.random(2);
  low.random(3);
  b.random(4);
  d_low.random(5);
  d_a.random(6);
  for (Matrix& one : d_b) one.random(7);
  ActivationBackwardArgs args;
  args.kind = c.kind;
  args.x = args.d_x = both.view().columns(0, F);
  if (!c.plain) args.up = args.d_up = both.view().columns(F, F);
  args.d_out = d_out.view();
  // What the ops give without adapters; `out` from the forward pass.
  Matrix plain(c.tokens, sides * F, c.dtype, 8), out(c.tokens, F, c.dtype, 8);
  ActivationArgs forward;
  forward.kind = c.kind;
  forward.x = args.x;
  forward.up = args.up;
  forward.out = out.view();
  backend.activation(forward);
  ActivationBackwardArgs without = args;
  without.d_x = plain.view().columns(0, F);
  if (!c.plain) without.d_up = plain.view().columns(F, F);
  backend.activation_backward(without);

  Values expected_a(static_cast<size_t>(d_low.cols * F), 0.0), expected_b[2], expected_low[2];
  add_product(expected_a, out, 0, F, d_low, false);
  expected_a = turned(expected_a, F, d_low.cols);
  const Values a_before = d_a.values();
  for (size_t i = 0; i < expected_a.size(); ++i) expected_a[i] += a_before[i];
  AdapterOutput* adapters[] = {&args.x_adapter, &args.up_adapter};
  for (int64_t side = 0; side < sides; ++side) {
    AdapterOutput& adapter = *adapters[side];
    adapter.b = b.view().columns(side * R, R);
    adapter.low = low.view().columns(side * R, R);
    adapter.d_low = both.view().columns(sides * F + side * R, R);
    adapter.d_b = d_b[side].f32();
    adapter.scale = 0.5f;
    Matrix own_low(c.tokens, R, c.dtype), own_b(R, F, c.dtype);
    own_low.assign(columns_of(low, side * R, R));
    own_b.assign(turned(columns_of(b, side * R, R), F, R));
    expected_b[side] = d_b[side].values();
    expected_low[side].assign(static_cast<size_t>(c.tokens * R), 0.0);
    add_product(expected_b[side], plain, side * F, F, own_low, false);
    add_product(expected_low[side], plain, side * F, F, own_b, true);
  }
  if (down > 0) args.out_adapter = {d_low.view(), d_a.f32()};
  args.out = room.view();
  run_stable({&both, &d_b[0], &d_b[1], &d_a}, {1, 3}, [&] { backend.activation_backward(args); });
  expect_close("d_x and d_up", columns_of(both, 0, sides * F), plain.values(),
               tolerance(c.dtype, 2.1));
  // Another rounding of a few elements of d_x or out, among many, may show in the sums.
  const double limit = c.dtype == DType::bf16 ? tolerance(c.dtype, 0.25) : tolerance(c.dtype, 60);
  for (int64_t side = 0; side < sides; ++side) {
    const std::string of = side == 0 ? " of x" : " of up";
    expect_close("d_b" + of, d_b[side].values(), expected_b[side], limit);
    expect_close("d_low" + of, columns_of(both, sides * F + side * R, R), expected_low[side],
                 low_limit(c.dtype));
  }
  expect_close("d_a", d_a.values(), down > 0 ? expected_a : a_before, limit);
}

TEST(adapter_activation) {
  const DType half = DType::bf16, single = DType::f32;
  const Gated cases[] = {{40, 72, 8, half, 0},
                         {300, 70, 8, single, 0},
                         {130, 72, 8, half, 3},
                         {128, 128, 16, half, 0},
                         {300, 200, 8, half, 8},
                         {416, 392, 24, half, 8},
                         {260, 136, 33, half, 8},
                         {512, 264, 64, half, 0},
                         {1000, 640, 16, half, 8},
                         {161, 1032, 48, half, 0},
                         {200, 72, 65, half, 0},
                         {2100, 40, 50, half, 8},
                         {200, 70, 8, half, 0},
                         {160, 136, 16, half, 8, Activation::gelu},
                         {160, 136, 16, half, 8, Activation::relu},
                         {160, 136, 16, half, 8, Activation::gelu_tanh},
                         {160, 136, 16, half, 8, Activation::silu, true},
                         {160, 136, 16, half, 8, Activation::silu, false, 8},
                         {160, 136, 16, half, 8, Activation::silu, false, -1}};
  for (const Gated& c : cases) {
    for (NamedBackend& b : backends()) {
      run(name_of(c) + " " + b.isa, [&] { check_low(c, *b.backend); });
      run(name_of(c) + " backward " + b.isa, [&] { check_activation_backward(c, *b.backend); });
    }
  }
}

TEST(adapter) {
  const DType half = DType::bf16, single = DType::f32;
  const Case cases[] = {
      {40, 70, 8, half, 0},     {300, 70, 8, single, 0},      {300, 70, 8, single, 3},
      {256, 128, 16, half, 0},  {257, 1, 1, half, 0},         {300, 200, 8, half, 3},
      {416, 390, 24, half, 8},  {700, 129, 33, half, 1},      {512, 260, 64, half, 0},
      {1000, 700, 16, half, 8}, {300, 130, 65, half, 0},      {3200, 40, 50, half, 8},
      {513, 1100, 48, half, 0}, {300, 40, 16, half, 0, true}, {1, 5, 4, half, 0},
      {128, 130, 16, half, 0}};
  for (const Case& c : cases)
    for (NamedBackend& b : backends())
      run(name_of(c) + " " + b.isa, [&] { check_backward(c, *b.backend); });
}

}  // namespace
}  // namespace attune::test
