#include <cmath>

#include "core/rng.h"
#include "fixture.h"

namespace attune::test {
namespace {

TEST(square_sum) {
  for (NamedBackend& b : backends()) {
    run(b.isa, [&] {
      std::vector<Matrix> tensors;
      for (int64_t size : {1, 31, 70000, 5, 100003}) {
        tensors.emplace_back(1, size, DType::f32);
        tensors.back().random(static_cast<uint32_t>(size));
      }
      std::vector<const float*> pointers;
      std::vector<int64_t> sizes;
      double expected = 0;
      for (Matrix& x : tensors) {
        pointers.push_back(x.f32());
        sizes.push_back(x.cols);
        expected += dot(x.values(), x.values());
      }
      SquareSumArgs args;
      args.tensors = pointers.data();
      args.sizes = sizes.data();
      args.count = static_cast<int64_t>(sizes.size());
      set_threads(2);
      const double total = b.backend->square_sum(args);
      for (int threads : {1, 2, 3}) {
        set_threads(threads);
        expect(b.backend->square_sum(args) == total, "threads change the bits");
      }
      set_threads(2);
      expect_close("total", {total}, {expected}, 1e-12);
    });
  }
}

struct Reference {
  Values p, m, v;

  void step(const Values& gradient, const AdamwArgs& args, double weight_decay) {
    const double power = static_cast<double>(args.step);
    const double fix1 = 1 - std::pow(args.beta1, power), fix2 = 1 - std::pow(args.beta2, power);
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = gradient[i] * static_cast<double>(args.gradient_scale);
      m[i] = args.beta1 * m[i] + (1 - args.beta1) * g;
      v[i] = args.beta2 * v[i] + (1 - args.beta2) * g * g;
      p[i] -= args.learning_rate * weight_decay * p[i];
      p[i] -= args.learning_rate / fix1 * m[i] / (std::sqrt(v[i]) / std::sqrt(fix2) + args.epsilon);
    }
  }
};

void check_adamw(Backend& backend, int64_t size, bool copy, double decay) {
  Matrix master(1, size, DType::f32), gradient(1, size, DType::f32), first(1, size, DType::f32),
      second(1, size, DType::f32), half(1, size, DType::bf16);
  master.random(1);
  first.fill(0);
  second.fill(0);
  Reference reference = {master.values(), first.values(), second.values()};
  for (int step = 1; step <= 3; ++step) {
    gradient.random(static_cast<uint32_t>(step + 10));
    gradient.set(0, 0, 0);
    AdamwArgs args;
    AdamwTensor tensor;
    tensor.master = master.f32();
    tensor.gradient = gradient.f32();
    tensor.first = first.f32();
    tensor.second = second.f32();
    if (copy) tensor.copy = half.view();
    tensor.rows = 1;
    tensor.cols = size;
    tensor.weight_decay = decay;
    args.tensors = &tensor;
    args.count = 1;
    args.gradient_scale = 0.25f;
    args.learning_rate = 1e-2;
    args.step = step;
    reference.step(gradient.values(), args, decay);
    run_stable({&master, &gradient, &first, &second, &half}, {1, 3}, [&] { backend.adamw(args); });
    expect_close("gradient", gradient.values(), Values(static_cast<size_t>(size), 0), 0);
  }
  expect_close("master", master.values(), reference.p, 1e-6);
  expect_close("first", first.values(), reference.m, 1e-6);
  expect_close("second", second.values(), reference.v, 1e-6);
  for (int64_t i = 0; copy && i < size; ++i) {
    expect(half.at(0, i) == rounded(master.at(0, i), DType::bf16), "copy differs");
  }
}

TEST(adamw) {
  for (NamedBackend& b : backends()) {
    for (int64_t size : {1, 37, 70001}) {
      run("size " + std::to_string(size) + " " + b.isa, [&] {
        check_adamw(*b.backend, size, false, 0);
        check_adamw(*b.backend, size, true, 0.1);
      });
    }
  }
}

TEST(cast) {
  for (NamedBackend& b : backends()) {
    for (DType from : {DType::f32, DType::bf16}) {
      for (DType to : {DType::f32, DType::bf16}) {
        for (int64_t pad : {0, 3}) {
          run(name_of(from) + "-" + name_of(to) + (pad ? " strided " : " ") + b.isa, [&] {
            Matrix x(200, 301, from, pad), out(200, 301, to, pad);
            x.random(1);
            x.set(0, 0, INFINITY);
            x.set(0, 1, 1e-40);
            CastArgs args;
            args.x = x.view();
            args.out = out.view();
            args.scale = 0.5f;
            run_stable({&out}, {1, 3}, [&] { b.backend->cast(args); });
            for (int64_t i = 0; i < x.rows; ++i) {
              for (int64_t j = 0; j < x.cols; ++j) {
                expect(out.at(i, j) == rounded(x.at(i, j) * 0.5, to), "a value differs");
              }
            }
            x.set(1, 1, NAN);
            b.backend->cast(args);
            expect(std::isnan(out.at(1, 1)), "NaN is lost");
          });
        }
      }
    }
  }
}

TEST(dropout) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      for (int64_t cols : {1, 3, 64, 131, 515}) {
        run(name_of(dtype) + " C=" + std::to_string(cols) + " " + b.isa, [&] {
          Matrix x(40, cols, dtype, 1), y(40, cols, dtype, 2), total(40, cols, dtype);
          x.random(1);
          total.random(2);
          Values expected, sums;
          for (int64_t t = 0; t < x.rows; ++t) {
            for (int64_t j = 0; j < cols; ++j) {
              const uint64_t e = static_cast<uint64_t>(t * cols + j);
              const bool keep = uniform(philox(11, 5, e / 4).word[e % 4]) >= 0.3f;
              expected.push_back(keep ? x.at(t, j) / 0.7 : 0);
              sums.push_back(total.at(t, j) + expected.back());
            }
          }
          DropoutArgs args;
          args.x = x.view();
          args.y = y.view();
          args.rate = 0.3f;
          args.seed = 11;
          args.stream = 5;
          run_stable({&y}, {1, 3}, [&] { b.backend->dropout(args); });
          expect_close("y", y.values(), expected, tolerance(dtype, 4));
          args.y = total.view();
          args.accumulate = true;
          run_stable({&total}, {1}, [&] { b.backend->dropout(args); });
          expect_close("sum", total.values(), sums, tolerance(dtype, 4));
          args.y = x.view();
          args.accumulate = false;
          b.backend->dropout(args);
          expect_close("in place", x.values(), y.values(), 0);
        });
      }
    }
  }
}

}  // namespace
}  // namespace attune::test
