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
