#include "fixture.h"

namespace attune::test {
namespace {

struct Case {
  int64_t rows, cols, table;
  DType from, to;
  bool accumulate;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  int turn = 0;
  for (DType from : {DType::f32, DType::bf16}) {
    for (DType to : {DType::f32, DType::bf16}) {
      for (int64_t cols : {1, 8, 33, 600})
        all.push_back({100, cols, 11, from, to, ++turn % 2 == 0});
      all.push_back({1, 5, 1, from, to, false});
    }
  }
  return all;
}

/** Few rows to choose from, so that many share one. */
Array<int32_t> indices_of(int64_t count, int64_t table) {
  Array<int32_t> indices;
  for (int64_t t = 0; t < count; ++t) indices.push_back(static_cast<int32_t>(t * t * 7 % table));
  return indices;
}

std::string name_of(const Case& c, const std::string& isa) {
  return test::name_of(c.from) + "-" + test::name_of(c.to) + " C=" + std::to_string(c.cols) +
         (c.accumulate ? " += " : " ") + isa;
}

TEST(embedding) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : cases()) {
      run(name_of(c, b.isa), [&] {
        Matrix table(c.table + 2, c.cols, c.from, 1), out(c.rows, c.cols, c.to, 2);
        table.random(1);
        if (c.accumulate) out.random(2);
        const auto indices = indices_of(c.rows, c.table);
        Values expected;
        for (int64_t t = 0; t < c.rows; ++t) {
          for (int64_t j = 0; j < c.cols; ++j) {
            const double old = c.accumulate ? out.at(t, j) : 0;
            expected.push_back(old + table.at(indices[static_cast<size_t>(t)] + 2, j));
          }
        }
        EmbeddingArgs args;
        args.indices = indices.data();
        args.offset = 2;
        args.table = table.view();
        args.out = out.view();
        args.accumulate = c.accumulate;
        run_stable({&out}, {1, 3}, [&] { b.backend->embedding(args); });
        expect_close("out", out.values(), expected, tolerance(c.to, 1));
      });
    }
  }
}

TEST(embedding_backward) {
  for (NamedBackend& b : backends()) {
    for (const Case& c : cases()) {
      if (c.to != DType::f32) continue;
      run(name_of(c, b.isa), [&] {
        Matrix d_out(c.rows, c.cols, c.from, 1), d_table(c.table + 1, c.cols, DType::f32, 2);
        d_out.random(1);
        d_table.random(2);
        const auto indices = indices_of(c.rows, c.table);
        Values expected = d_table.values();
        for (int64_t t = 0; t < c.rows; ++t) {
          for (int64_t j = 0; j < c.cols; ++j) {
            const int64_t row = indices[static_cast<size_t>(t)] + 1;
            expected[static_cast<size_t>(row * c.cols + j)] += d_out.at(t, j);
          }
        }
        EmbeddingBackwardArgs args;
        args.indices = indices.data();
        args.offset = 1;
        args.d_out = d_out.view();
        args.d_table = d_table.view();
        run_stable({&d_table}, {1, 3}, [&] { b.backend->embedding_backward(args); });
        expect_close("d_table", d_table.values(), expected, tolerance(DType::f32, 20));
      });
    }
  }
}

TEST(gather_scatter) {
  for (NamedBackend& b : backends()) {
    for (DType dtype : {DType::f32, DType::bf16}) {
      run(test::name_of(dtype) + " " + b.isa, [&] {
        const Array<int32_t> rows = {5, 0, 3, 8};
        Matrix x(9, 13, dtype, 2), gathered(4, 13, dtype, 1), spread(9, 13, dtype, 3);
        x.random(1);
        spread.fill(-1);  // other rows stay as they are
        GatherRowsArgs gather;
        gather.rows = rows.data();
        gather.x = x.view();
        gather.out = gathered.view();
        run_stable({&gathered}, {1}, [&] { b.backend->gather_rows(gather); });
        ScatterRowsArgs scatter;
        scatter.rows = rows.data();
        scatter.x = gathered.view();
        scatter.out = spread.view();
        run_stable({&spread}, {1}, [&] { b.backend->scatter_rows(scatter); });
        for (int64_t i = 0; i < 9; ++i) {
          const bool kept = i == 5 || i == 0 || i == 3 || i == 8;
          for (int64_t j = 0; j < 13; ++j) {
            expect(spread.at(i, j) == (kept ? x.at(i, j) : -1), "row " + std::to_string(i));
          }
        }
      });
    }
  }
}

}  // namespace
}  // namespace attune::test
