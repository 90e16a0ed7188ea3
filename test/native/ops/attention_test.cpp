#include <algorithm>
#include <cmath>
#include <functional>

#include "backend/cuda/host/launch.h"
#include "backend/registry.h"
#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  std::vector<int32_t> queries, keys;  // of each document
  int64_t heads, kv_heads, size;
  int64_t window = 0;
  double soft_cap = 0;
  bool slopes = false;
};

std::vector<Case> cases() {
  return {{{1}, {1}, 1, 1, 4},
          {{1, 1, 1}, {1, 1, 1}, 2, 1, 8},
          {{5, 1, 20}, {5, 1, 20}, 4, 4, 8},
          {{63, 65}, {63, 65}, 4, 2, 17},
          {{150}, {150}, 3, 3, 64},
          {{3, 130, 64}, {3, 130, 64}, 6, 1, 16},
          {{40}, {40}, 2, 1, 256}};
}

/** Head sizes with padding and without, tiles cut by documents, empty documents. */
std::vector<Case> device_cases() {
  std::vector<Case> all;
  for (int64_t size : {32, 40, 64, 80, 96, 128, 192})
    all.push_back({{30, 1, 40}, {30, 1, 40}, 4, size % 3 == 0 ? 1 : 2, size});
  all.push_back({{33, 0, 100, 0, 0}, {33, 0, 100, 0, 0}, 2, 1, 64});
  all.push_back({{129}, {129}, 8, 1, 32});
  return all;
}

/** Windows narrower and wider than a tile, soft caps, slopes. */
std::vector<Case> mask_cases() {
  return {{{100, 37}, {100, 37}, 2, 2, 64, 20},
          {{70, 5}, {70, 5}, 2, 1, 64, 1},
          {{75}, {75}, 2, 1, 64, 0, 1.5},
          {{20, 75}, {20, 75}, 4, 2, 40, 0, 0, true},
          {{90, 20}, {90, 20}, 2, 1, 128, 33, 2, true},
          {{199}, {199}, 2, 1, 16, 66}};
}

/** Fewer queries than keys: decoding, and a prompt after a cache. */
std::vector<Case> cache_cases() {
  return {{{1}, {200}, 4, 2, 8},
          {{3, 1}, {70, 5}, 5, 1, 33},
          {{30, 70}, {100, 135}, 4, 2, 16},
          {{1, 9}, {200, 150}, 2, 1, 8, 70, 3, true}};
}

std::string name_of(const Case& c, DType dtype) {
  std::string name = test::name_of(dtype) + " ";
  for (size_t s = 0; s < c.queries.size(); ++s) {
    name += (s ? "+" : "") + std::to_string(c.queries[s]);
    if (c.keys[s] != c.queries[s]) name += "/" + std::to_string(c.keys[s]);
  }
  if (c.window) name += " window=" + std::to_string(c.window);
  if (c.soft_cap > 0) name += " cap";
  if (c.slopes) name += " slopes";
  return name + " H=" + std::to_string(c.heads) + " K=" + std::to_string(c.kv_heads) +
         " E=" + std::to_string(c.size);
}

Array<int32_t> starts_of(const std::vector<int32_t>& sizes) {
  Array<int32_t> starts = {0};
  for (int32_t size : sizes) starts.push_back(starts.back() + size);
  return starts;
}

/** Rows end with a few columns of padding, times `unit`: 8 leaves rows on 16 bytes. */
struct Operands {
  Operands(const Case& c, DType dtype, int64_t unit = 1)
      : q_starts(starts_of(c.queries)),
        k_starts(starts_of(c.keys)),
        q(q_starts.back(), c.heads * c.size, dtype, 3 * unit),
        k(k_starts.back(), c.kv_heads * c.size, dtype, unit),
        v(k_starts.back(), c.kv_heads * c.size, dtype, 2 * unit),
        out(q.rows, q.cols, dtype, unit),
        lse(c.heads, q.rows, DType::f32),
        scale(static_cast<float>(1.5 / std::sqrt(static_cast<double>(c.size)))) {
    q.random(1, 2);
    k.random(2, 2);
    v.random(3);
    for (int64_t h = 0; h < c.heads; ++h) slopes.push_back(0.25f / static_cast<float>(1 << h % 8));
  }
  AttentionArgs args(const Case& c) {
    AttentionArgs args;
    args.q = q.view();
    args.k = k.view();
    args.v = v.view();
    args.out = out.view();
    args.q_starts = q_starts.data();
    args.k_starts = k_starts.data();
    args.documents = static_cast<int64_t>(c.queries.size());
    args.heads = c.heads;
    args.kv_heads = c.kv_heads;
    args.head_size = c.size;
    args.scale = scale;
    args.window = c.window;
    args.soft_cap = static_cast<float>(c.soft_cap);
    args.slopes = c.slopes ? slopes.data() : nullptr;
    args.lse = lse.f32();
    return args;
  }
  Array<int32_t> q_starts, k_starts;
  Matrix q, k, v, out, lse;
  Array<float> slopes;
  float scale;
};

/** Output and log-sum-exp of query row t and head h of document s. */
void reference_row(const Case& c, const Operands& o, const Values& q, const Values& k,
                   const Values& v, size_t s, int64_t t, int64_t h, double* out, double* lse) {
  const int64_t kv = h / (c.heads / c.kv_heads), size = c.size;
  const int64_t last = t - o.q_starts[s] + (c.keys[s] - c.queries[s]);
  const double* row = q.data() + (t * c.heads + h) * size;
  Values scores;
  double top = -INFINITY, total = 0;
  const int64_t first = c.window ? std::max<int64_t>(0, last - c.window + 1) : 0;
  for (int64_t j = first; j <= last; ++j) {
    double score = 0;
    const double* key = k.data() + ((o.k_starts[s] + j) * c.kv_heads + kv) * size;
    for (int64_t e = 0; e < size; ++e) score += row[e] * key[e];
    score *= static_cast<double>(o.scale);
    if (c.soft_cap > 0) score = c.soft_cap * std::tanh(score / c.soft_cap);
    if (c.slopes) score += static_cast<double>(o.slopes[static_cast<size_t>(h)] * (j - last));
    scores.push_back(score);
    top = std::fmax(top, scores.back());
  }
  for (double& score : scores) total += score = std::exp(score - top);
  for (int64_t e = 0; e < size; ++e) out[e] = 0;
  for (int64_t j = first; j <= last; ++j) {
    const double p = scores[static_cast<size_t>(j - first)] / total;
    const double* value = v.data() + ((o.k_starts[s] + j) * c.kv_heads + kv) * size;
    for (int64_t e = 0; e < size; ++e) out[e] += p * value[e];
  }
  if (lse) *lse = top + std::log(total);
}

Values reference(const Case& c, const Operands& o, const Values& q, const Values& k,
                 const Values& v, Values* lse = nullptr) {
  Values out(static_cast<size_t>(o.q_starts.back() * c.heads * c.size));
  if (lse) lse->resize(static_cast<size_t>(o.q_starts.back() * c.heads));
  for (size_t s = 0; s < c.queries.size(); ++s) {
    for (int64_t t = o.q_starts[s]; t < o.q_starts[s + 1]; ++t) {
      for (int64_t h = 0; h < c.heads; ++h) {
        reference_row(c, o, q, k, v, s, t, h, out.data() + (t * c.heads + h) * c.size,
                      lse ? lse->data() + h * o.q_starts.back() + t : nullptr);
      }
    }
  }
  return out;
}

void check_forward(const Case& c, Backend& backend, DType dtype, int64_t unit = 1) {
  Operands o(c, dtype, unit);
  const AttentionArgs args = o.args(c);
  run_stable({&o.out, &o.lse}, {1, 3}, [&] { backend.attention(args); });
  Values lse;
  const Values expected = reference(c, o, o.q.values(), o.k.values(), o.v.values(), &lse);
  expect_close("out", o.out.values(), expected, tolerance(dtype, dtype == DType::f32 ? 30 : 1.1));
  expect_close("lse", o.lse.values(), lse, tolerance(DType::f32, 20));
}

/**
 * What the rounding of `out` as stored adds to delta, row by row: a gradient of lse by as much,
 * since d lse / d scores = P. Laid out as lse.
 */
Values delta_errors(const Case& c, const Operands& o, const Values& exact, const Matrix& d_out) {
  Values errors(static_cast<size_t>(c.heads * o.q.rows));
  for (int64_t t = 0; t < o.q.rows; ++t) {
    for (int64_t j = 0; j < o.q.cols; ++j) {
      const double error = exact[static_cast<size_t>(t * o.q.cols + j)] - o.out.at(t, j);
      errors[static_cast<size_t>(j / c.size * o.q.rows + t)] += error * d_out.at(t, j);
    }
  }
  return errors;
}

/** Gradients of out . d_out by central differences, at the delta of the stored output. */
void check_backward(const Case& c, Backend& backend, DType dtype, int64_t unit = 1) {
  Operands o(c, dtype, unit);
  backend.attention(o.args(c));
  Matrix d_out(o.q.rows, o.q.cols, dtype, unit), d_q(o.q.rows, o.q.cols, dtype, 2 * unit);
  Matrix d_k(o.k.rows, o.k.cols, dtype, 3 * unit), d_v(o.k.rows, o.k.cols, dtype, unit);
  d_out.random(4);
  AttentionBackwardArgs args;
  args.q = o.q.view();
  args.k = o.k.view();
  args.v = o.v.view();
  args.out = o.out.view();
  args.d_out = d_out.view();
  args.d_q = d_q.view();
  args.d_k = d_k.view();
  args.d_v = d_v.view();
  args.starts = o.q_starts.data();
  args.documents = static_cast<int64_t>(c.queries.size());
  args.heads = c.heads;
  args.kv_heads = c.kv_heads;
  args.head_size = c.size;
  args.scale = o.scale;
  args.window = c.window;
  args.soft_cap = static_cast<float>(c.soft_cap);
  args.slopes = c.slopes ? o.slopes.data() : nullptr;
  args.lse = o.lse.f32();
  Array<uint8_t> scratch;
  scratch.resize(backend.attention_backward_scratch(o.q.rows, c.heads, c.size));
  args.scratch = scratch.data();
  run_stable({&d_q, &d_k, &d_v}, {1, 3, 16}, [&] { backend.attention_backward(args); });
  Values q = o.q.values(), k = o.k.values(), v = o.v.values();
  const Values upstream = d_out.values();
  const Values errors = delta_errors(c, o, reference(c, o, q, k, v), d_out);
  const auto f = [&] {
    Values lse;
    const double value = dot(reference(c, o, q, k, v, &lse), upstream);
    return value + dot(lse, errors);
  };
  const double limit = dtype == DType::f32 ? 2e-5 : tolerance(dtype, 1.1);
  const size_t samples = c.queries[0] > 100 ? 8 : 16;
  expect_gradient("d_q", d_q.values(), q, f, limit, samples, 0.1);
  expect_gradient("d_k", d_k.values(), k, f, limit, samples, 0.1);
  expect_gradient("d_v", d_v.values(), v, f, limit, samples, 0.1);
}

TEST(attention) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      std::vector<Case> both = cases();
      for (const Case& c : mask_cases()) both.push_back(c);
      for (const Case& c : device_cases())
        if (!b.processor) both.push_back(c);
      for (const Case& c : both) {
        run(name_of(c, dtype) + " " + b.isa, [&] { check_forward(c, *b.backend, dtype); });
        run(name_of(c, dtype) + " backward " + b.isa,
            [&] { check_backward(c, *b.backend, dtype); });
      }
      for (const Case& c : cache_cases()) {
        run(name_of(c, dtype) + " " + b.isa, [&] { check_forward(c, *b.backend, dtype); });
      }
    }
  }
}

/** Rows on 16 bytes, which are copied as such. */
TEST(attention_wide_rows) {
  const Case all[] = {{{30, 1, 40}, {30, 1, 40}, 4, 2, 64},
                      {{100, 37}, {100, 37}, 2, 1, 40},
                      {{70, 20}, {70, 20}, 2, 1, 128},
                      {{60}, {60}, 1, 1, 256, 0, 2}};
  for (NamedBackend& b : backends()) {
    if (b.processor) continue;
    for (const Case& c : all) {
      const std::string name = name_of(c, DType::bf16);
      run(name + " " + b.isa, [&] { check_forward(c, *b.backend, DType::bf16, 8); });
      run(name + " backward " + b.isa, [&] { check_backward(c, *b.backend, DType::bf16, 8); });
    }
  }
}

bool is_hopper(const std::string& device) {
  if (device == "cuda-host") return true;
  for (const DeviceInfo& info : devices())
    if (info.kind == "cuda") return info.isa == "sm_90";
  return false;
}

/** Tiles enough to use their places again, tiles cut by documents, grouped heads, windows. */
std::vector<Case> hopper_cases() {
  return {{{1}, {1}, 1, 1, 64},
          {{100, 0, 1, 50}, {100, 0, 1, 50}, 2, 1, 128},
          {{270}, {270}, 1, 1, 64},
          {{150, 20}, {150, 20}, 1, 1, 64, 90}};
}

/** Key tiles enough to use each place thrice; a prompt after a cache. */
std::vector<Case> hopper_forward_cases() {
  return {{{20}, {530}, 1, 1, 64}, {{30, 140}, {300, 140}, 2, 1, 128}};
}

/** What the kernels of Hopper do not serve goes to the others. */
std::vector<Case> other_cases() {
  return {
      {{40}, {40}, 2, 1, 32}, {{40}, {40}, 2, 1, 64, 0, 2}, {{40}, {40}, 2, 1, 128, 0, 0, true}};
}

/** Runs `body`, which must start `ours` and not `theirs` where kernels can be counted. */
void expect_served(const std::string& device, const std::string& ours, const std::string& theirs,
                   const std::function<void()>& body) {
  const auto before = cuda::host::launches();
  body();
  if (device != "cuda-host") return;
  auto after = cuda::host::launches(), known = before;
  expect(after[ours] > known[ours], ours + " has not served it");
  expect(after[theirs] == known[theirs], theirs + " has");
}

TEST(attention_hopper) {
  constexpr DType kType = DType::bf16;
  for (const std::string& device : device_names()) {
    if (device == "cpu") continue;
    if (!is_hopper(device)) {
      run(device, [] { skip("its compute capability is not 9"); });
      continue;
    }
    const std::unique_ptr<Backend> backend = hopper_of(device);
    const auto cases = [&](const std::string& prefix, const std::vector<Case>& all, int64_t unit,
                           const std::string& ours, const std::string& theirs) {
      const std::string forward = "attention", backward = "attention_keys";
      for (const Case& c : all) {
        run(prefix + name_of(c, kType) + " " + device, [&] {
          expect_served(device, forward + ours, forward + theirs,
                        [&] { check_forward(c, *backend, kType, unit); });
        });
        if (c.queries != c.keys) continue;
        run(prefix + name_of(c, kType) + " backward " + device, [&] {
          expect_served(device, backward + ours, backward + theirs,
                        [&] { check_backward(c, *backend, kType, unit); });
        });
      }
    };
    cases("", hopper_cases(), 8, "_hopper", "");
    cases("", hopper_forward_cases(), 8, "_hopper", "");
    cases("other ", other_cases(), 8, "", "_hopper");
    cases("other rows ", {{{20}, {20}, 2, 1, 64}}, 1, "", "_hopper");
  }
}

/** A document's result may not depend on its neighbours in the row. */
TEST(attention_packing) {
  for (NamedBackend& b : backends()) {
    run(b.isa, [&] {
      const Case both = {{70, 45}, {70, 45}, 4, 2, 16}, alone = {{45}, {45}, 4, 2, 16};
      Operands packed(both, DType::f32), single(alone, DType::f32);
      for (int64_t t = 0; t < 45; ++t) {
        for (int64_t j = 0; j < packed.q.cols; ++j) single.q.set(t, j, packed.q.at(70 + t, j));
        for (int64_t j = 0; j < packed.k.cols; ++j) single.k.set(t, j, packed.k.at(70 + t, j));
        for (int64_t j = 0; j < packed.k.cols; ++j) single.v.set(t, j, packed.v.at(70 + t, j));
      }
      b.backend->attention(packed.args(both));
      b.backend->attention(single.args(alone));
      for (int64_t t = 0; t < 45; ++t) {
        for (int64_t j = 0; j < packed.q.cols; ++j) {
          expect(single.out.at(t, j) == packed.out.at(70 + t, j), "a neighbour leaks");
        }
      }
    });
  }
}

}  // namespace
}  // namespace attune::test
