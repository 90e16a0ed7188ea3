#include <cmath>

#include "fixture.h"

namespace attune::test {
namespace {

void check_rope(Backend& backend, DType dtype, int64_t rows, int64_t heads, int64_t size) {
  const int64_t half = size / 2, places = 40;
  Matrix x(rows, heads * size, dtype, 5), cosine(places, half, DType::f32),
      sine(places, half, DType::f32);
  x.random(1);
  for (int64_t p = 0; p < places; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) *
                           std::pow(100.0, -static_cast<double>(i) / static_cast<double>(half));
      cosine.set(p, i, std::cos(angle));
      sine.set(p, i, std::sin(angle));
    }
  }
  Array<int32_t> positions;
  for (int64_t t = 0; t < rows; ++t) positions.push_back(static_cast<int32_t>(t * 7 % places));
  const Matrix before = x;
  Values expected = x.values();
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t j = 0; j < heads * size; ++j) {
      if (j % size >= half) continue;
      const int64_t p = positions[static_cast<size_t>(t)];
      const double c = cosine.at(p, j % size), s = sine.at(p, j % size);
      const double low = x.at(t, j), high = x.at(t, j + half);
      expected[static_cast<size_t>(t * heads * size + j)] = low * c - high * s;
      expected[static_cast<size_t>(t * heads * size + j + half)] = high * c + low * s;
    }
  }
  RopeArgs args;
  args.x = x.view();
  args.heads = heads;
  args.positions = positions.data();
  args.cosine = cosine.f32();
  args.sine = sine.f32();
  run_stable({&x}, {1, 3}, [&] { backend.rope(args); });
  expect_close("x", x.values(), expected, tolerance(dtype, dtype == DType::f32 ? 3 : 1.1));
  args.inverse = true;  // a rotation back is also the gradient of the rotation
  backend.rope(args);
  expect_close("back again", x.values(), before.values(), tolerance(dtype, 4));
}

TEST(rope) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      for (int64_t size : {2, 4, 8, 50, 64, 128}) {
        for (int64_t rows : {1, 100}) {
          run(name_of(dtype) + " T=" + std::to_string(rows) + " E=" + std::to_string(size) + " " +
                  b.isa,
              [&] { check_rope(*b.backend, dtype, rows, 3, size); });
        }
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
