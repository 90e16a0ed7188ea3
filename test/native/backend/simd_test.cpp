// The vector functions, at whatever instruction set the tests themselves are compiled for; those
// of the others are tested through the ops.
#define ATTUNE_ISA under_test
#include "backend/cpu/simd.h"

#include <cmath>
#include <limits>

#include "backend/cpu/tile.h"
#include "fixture.h"

namespace attune::test {
namespace {

using namespace attune::under_test;

float exp_of(float x) { return under_test::exp(broadcast(x))[0]; }

TEST(simd) {
  run("exp within 2 ulp", [] {
    for (float x = -104; x < 89; x += 0.00173f) {
      const double exact = std::exp(static_cast<double>(x));
      if (exact > 3.4e38) continue;
      const double ulp = std::fmax(std::ldexp(1.0, std::ilogb(exact) - 23), 1.4e-45);
      const double error = std::fabs(static_cast<double>(exp_of(x)) - exact) / ulp;
      if (error > 2) fail("exp(" + std::to_string(x) + ") is off by ulp " + std::to_string(error));
    }
  });
  run("exp at the ends", [] {
    const float inf = std::numeric_limits<float>::infinity();
    expect(exp_of(-inf) == 0 && exp_of(-1e30f) == 0, "below");
    expect(exp_of(inf) == inf && exp_of(100) == inf, "above");
    expect(exp_of(0) == 1 && std::isnan(exp_of(NAN)), "0 and NaN");
  });
  run("tanh within 3 ulp", [] {
    for (float x = -12; x < 12; x += 0.00173f) {
      const double exact = std::tanh(static_cast<double>(x));
      const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
      const double error =
          std::fabs(static_cast<double>(under_test::tanh(broadcast(x))[0]) - exact) / ulp;
      if (error > 3) fail("tanh(" + std::to_string(x) + ") is off by ulp " + std::to_string(error));
    }
  });
  run("bfloat16 rounds as core/dtype.h", [] {
    for (uint64_t word = 0; word < (uint64_t{1} << 32); word += 30011) {
      const Vec x = from_bits(Words{} + static_cast<uint32_t>(word));
      const float one = x[0];
      if (narrow(x)[0] != f32_to_bf16(one)) fail("word " + std::to_string(word));
    }
  });
  run("tails", [] {
    for (int count = 1; count < kLanes; ++count) {
      float from[kLanes] = {}, to[kLanes] = {};
      for (int i = 0; i < kLanes; ++i) from[i] = static_cast<float>(i + 1);
      store(to, load(from, Part{count}), Part{kLanes});
      for (int i = 0; i < kLanes; ++i) expect(to[i] == (i < count ? from[i] : 0), "load");
      for (float& value : to) value = -1;
      store(to, load(from, Full{}), Part{count});
      for (int i = 0; i < kLanes; ++i) expect(to[i] == (i < count ? from[i] : -1), "store");
      const float total = sum(only(load(from, Full{}), Part{count}));
      expect(total == static_cast<float>(count * (count + 1) / 2), "only");
    }
  });
  run("the normal distribution", [] {
    for (float x = -6; x < 6; x += 0.01f) {
      const double exact = 0.5 * std::erfc(-static_cast<double>(x) / std::sqrt(2.0));
      const double error = std::fabs(static_cast<double>(normal_cdf(broadcast(x))[0]) / exact - 1);
      if (error > 3e-6) fail("at " + std::to_string(x) + " off by " + std::to_string(error));
    }
  });
}

TEST(tile) {
  run("transpose", [] {
    for (int64_t rows : {1, 5, 16, 33}) {
      for (int64_t cols : {1, 7, 16, 40}) {
        Matrix x(rows, cols, DType::bf16, 2), y(cols, padded(rows), DType::f32);
        x.random(1);
        transpose(x.view().bf16(), cols + 2, rows, cols, y.f32(), padded(rows));
        for (int64_t i = 0; i < padded(rows); ++i) {
          for (int64_t j = 0; j < cols; ++j) {
            expect(y.at(j, i) == (i < rows ? x.at(i, j) : 0), "an element");
          }
        }
      }
    }
  });
  run("product", [] {
    for (int64_t m : {1, 2, 3, 7, 8, 31}) {
      for (int64_t n : {1, 16, 50, 64}) {
        const int64_t k = 11, wide = padded(n);
        Matrix a(k, m, DType::f32, 1), b(k, wide, DType::f32), c(m, wide, DType::f32);
        a.random(1);
        b.random(2);
        c.random(3);
        Values expected = c.values();
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < wide; ++j) {
            for (int64_t p = 0; p < k; ++p) {
              expected[static_cast<size_t>(i * wide + j)] += a.at(p, i) * b.at(p, j);
            }
          }
        }
        product({m, n, k, a.f32(), 1, m + 1, b.f32(), wide, c.f32(), wide, true});
        expect_close("c", c.values(), expected, tolerance(DType::f32, 20));
      }
    }
  });
}

}  // namespace
}  // namespace attune::test
