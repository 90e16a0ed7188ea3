#include <cmath>

#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  int64_t rows, cols;
  LossKind kind;
  double smoothing;
  DType gradient;
  bool in_place;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (int64_t cols : {1, 2, 15, 16, 512, 1003}) {
    const int64_t rows = cols == 512 ? 40 : 3;
    for (DType dtype : {DType::f32, DType::bf16}) {
      all.push_back({rows, cols, LossKind::nll, 0, dtype, false});
      all.push_back({rows, cols, LossKind::nll, 0.1f, dtype, dtype == DType::f32});
      all.push_back({rows, cols, LossKind::dft, 0, dtype, dtype == DType::f32});
    }
  }
  all.push_back({2, 50257, LossKind::nll, 0.1f, DType::f32, true});
  return all;
}

std::string name_of(const Case& c, const std::string& isa) {
  return std::string(c.kind == LossKind::dft ? "dft " : "nll ") + test::name_of(c.gradient) +
         " V=" + std::to_string(c.cols) + (c.smoothing > 0 ? " smoothed" : "") +
         (c.in_place ? " in place " : " ") + isa;
}

struct Reference {
  double loss, nll, entropy, correct, p_target;
};

/** `weight` stands for p[y] of dft, which is a constant to the gradient; negative: p[y] itself. */
Reference reference(const Case& c, const Values& z, size_t target, double weight = -1) {
  double top = -INFINITY, total = 0, mean = 0, entropy = 0;
  size_t first = 0;
  for (size_t j = 0; j < z.size(); ++j) {
    if (z[j] > top) top = z[j], first = j;
    mean += z[j] / static_cast<double>(z.size());
  }
  for (double value : z) total += std::exp(value - top);
  const double lse = top + std::log(total);
  for (double value : z) entropy -= std::exp(value - lse) * (value - lse);
  const double nll = lse - z[target], p = std::exp(-nll);
  const double loss = c.kind == LossKind::dft
                          ? (weight < 0 ? p : weight) * nll
                          : (1 - c.smoothing) * nll + c.smoothing * (lse - mean);
  return {loss, nll, entropy, first == target ? 1.0 : 0.0, p};
}

Values row_of(const Values& all, int64_t row, int64_t cols) {
  return Values(all.begin() + row * cols, all.begin() + (row + 1) * cols);
}

void expect_rows(const Case& c, const Values& logits, const Array<int32_t>& targets, Matrix* out) {
  Values expected[4];
  for (int64_t r = 0; r < c.rows; ++r) {
    const size_t target = static_cast<size_t>(targets[static_cast<size_t>(r)]);
    const Reference row = reference(c, row_of(logits, r, c.cols), target);
    const double values[] = {row.loss, row.nll, row.entropy, row.correct};
    for (int i = 0; i < 4; ++i) expected[i].push_back(values[i]);
  }
  const char* names[] = {"loss", "nll", "entropy", "correct"};
  for (int i = 0; i < 4; ++i) {
    expect_close(names[i], out[i].values(), expected[i], i == 3 ? 0 : 1e-6, 1);
  }
}

void expect_row_gradients(const Case& c, const Values& logits, const Array<int32_t>& targets,
                          const Matrix& gradient) {
  const Values all = gradient.values();
  for (int64_t r = 0; r < c.rows && r < 3; ++r) {
    const size_t target = static_cast<size_t>(targets[static_cast<size_t>(r)]);
    Values z = row_of(logits, r, c.cols);
    const double weight = reference(c, z, target).p_target;
    const auto f = [&] { return reference(c, z, target, weight).loss; };
    const double limit = c.gradient == DType::f32 ? 1e-5 : tolerance(c.gradient, 1.1);
    expect_gradient("gradient", row_of(all, r, c.cols), z, f, limit, c.cols > 2000 ? 8 : 40, 0.02);
    double h = 1e-4, kept = z[target];  // the target itself, which sampling may miss
    z[target] = kept + h;
    const double above = f();
    z[target] = kept - h;
    const double slope = (above - f()) / (2 * h);
    expect_close("at the target", {gradient.at(r, static_cast<int64_t>(target))}, {slope}, limit,
                 0.02);
  }
}

void check(const Case& c, Backend& backend) {
  Matrix logits(c.rows, c.cols, DType::f32, 3);
  logits.random(1, 6, 20);
  Array<int32_t> targets;
  for (int64_t r = 0; r < c.rows; ++r)
    targets.push_back(static_cast<int32_t>((r * 7 + c.cols - 1) % c.cols));
  if (c.cols > 2) {  // two equal maxima: only the first is correct
    logits.set(0, 1, 40);
    logits.set(0, 2, 40);
    targets[0] = 1;
    logits.set(1, 1, 40);
    logits.set(1, 2, 40);
    targets[1] = 2;
  }
  const Values before = logits.values();
  Matrix gradient(c.rows, c.cols, c.gradient, 1);
  Matrix out[4] = {Matrix(c.rows, 1, DType::f32), Matrix(c.rows, 1, DType::f32),
                   Matrix(c.rows, 1, DType::f32), Matrix(c.rows, 1, DType::f32)};
  CrossEntropyArgs args;
  args.kind = c.kind;
  args.smoothing = static_cast<float>(c.smoothing);
  args.logits = logits.view();
  args.targets = targets.data();
  args.loss = out[0].f32();
  args.nll = out[1].f32();
  args.entropy = out[2].f32();
  args.correct = out[3].f32();
  run_stable({&out[0], &out[1], &out[2], &out[3]}, {1}, [&] { backend.cross_entropy(args); });
  expect_rows(c, before, targets, out);
  args.gradient = c.in_place ? logits.view() : gradient.view();
  Matrix* written = c.in_place ? &logits : &gradient;
  run_stable({written, &out[0]}, {1, 3}, [&] { backend.cross_entropy(args); });
  expect_rows(c, before, targets, out);
  expect_row_gradients(c, before, targets, *written);
}

TEST(cross_entropy) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : cases()) run(name_of(c, b.isa), [&] { check(c, *b.backend); });
    run("extreme logits " + b.isa, [&] {
      Matrix logits(1, 20, DType::f32), nll(1, 1, DType::f32), entropy(1, 1, DType::f32);
      logits.fill(-INFINITY);
      logits.set(0, 3, 3e38);
      logits.set(0, 4, -3e38);
      const Array<int32_t> target = {3};
      CrossEntropyArgs args;
      args.logits = logits.view();
      args.gradient = logits.view();
      args.targets = target.data();
      args.nll = nll.f32();
      args.entropy = entropy.f32();
      b.backend->cross_entropy(args);
      expect_close("nll", nll.values(), {0}, 0);
      expect_close("entropy", entropy.values(), {0}, 0);
      expect_close("gradient", logits.values(), Values(20, 0), 0);
    });
    run("a NaN is not hidden " + b.isa, [&] {
      Matrix logits(1, 20, DType::f32), nll(1, 1, DType::f32);
      logits.random(1);
      logits.set(0, 7, NAN);
      const Array<int32_t> target = {3};
      CrossEntropyArgs args;
      args.logits = logits.view();
      args.targets = target.data();
      args.nll = nll.f32();
      b.backend->cross_entropy(args);
      expect(std::isnan(nll.at(0, 0)), "nll is a number");
    });
  }
}

}  // namespace
}  // namespace attune::test
