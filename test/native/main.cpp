// Runs every case whose name contains the first argument; ends with one line of counts. A second
// argument I/N leaves all but the I-th of N shares of the cases to other processes.
// ATTUNE_SLOW=SECONDS prints the cases that take longer.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>

#include "backend/cuda/host/launch.h"
#include "harness.h"

namespace attune::test {
namespace {

struct Entry {
  const char* name;
  void (*enumerate)();
};

struct State {
  std::vector<Entry> entries;
  std::string group, filter;
  Counts counts;
  size_t share = 0, shares = 1;
  int failures = 0;  // of the running case
  bool skipped = false, quiet = false;
  std::map<std::string, int> kernel_cases;  // in how many cases each CUDA kernel was started
};

State& state() {
  static State instance;
  return instance;
}

/** Prints the time of a case that takes longer than is asked for. */
class Clock {
 public:
  explicit Clock(const std::string& name) : name_(name), begin_(Time::now()) {}
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  ~Clock() {
    static const char* const limit = std::getenv("ATTUNE_SLOW");
    const std::chrono::duration<double> taken = Time::now() - begin_;
    if (limit && taken.count() > std::atof(limit))
      std::printf("%8.2f s %s\n", taken.count(), name_.c_str());
  }

 private:
  using Time = std::chrono::steady_clock;
  const std::string& name_;
  const Time::time_point begin_;
};

void count_kernels(const std::map<std::string, int64_t>& before) {
  for (const auto& [name, launches] : cuda::host::launches()) {
    const auto old = before.find(name);
    if (old == before.end() || launches > old->second) ++state().kernel_cases[name];
  }
}

/** For scripts/kernels.mjs: which CUDA kernels ran here. */
void print_kernels() {
  for (const auto& [name, launches] : cuda::host::launches())
    std::printf("kernel %s cuda-host %d cases %lld launches\n", name.c_str(),
                state().kernel_cases[name], static_cast<long long>(launches));
}

/** A harness that cannot fail is no test: wrong cases must be counted as failed. */
bool reports_failures() {
  const Counts before = state().counts;
  state().quiet = true;
  run("wrong value", [] { expect_close("x", {1, 2}, {1, 2.1}, 1e-3); });
  run("not a number", [] { expect_close("x", {std::nan("")}, {1}, 1e-3); });
  run("size", [] { expect_close("x", {1}, {1, 2}, 1e-3); });
  run("exception", [] { throw 1; });
  run("right value", [] { expect_close("x", {1, 2}, {1, 2.0001}, 1e-3); });
  const bool right =
      state().counts.failed == before.failed + 4 && state().counts.passed == before.passed + 1;
  state().counts = before;
  state().quiet = false;
  return right;
}

}  // namespace

Registration::Registration(const char* name, void (*enumerate)()) {
  state().entries.push_back({name, enumerate});
}

void fail(const std::string& message) {
  if (++state().failures <= 3 && !state().quiet) std::printf("    %s\n", message.c_str());
}

void skip(const std::string& reason) {
  if (!state().quiet && !state().skipped) std::printf("    skipped: %s\n", reason.c_str());
  state().skipped = true;
}

void run(const std::string& name, const std::function<void()>& body) {
  State& now = state();
  const std::string full = now.group + " " + name;
  if (!now.quiet && full.find(now.filter) == std::string::npos) return;
  if (!now.quiet && std::hash<std::string>()(full) % now.shares != now.share) return;
  now.failures = 0;
  now.skipped = false;
  const auto before = cuda::host::launches();
  const Clock clock(full);
  try {
    body();
  } catch (const std::exception& error) {
    fail(error.what());
  } catch (...) {
    fail("an unknown exception");
  }
  count_kernels(before);
  int& count = now.failures  ? now.counts.failed
               : now.skipped ? now.counts.skipped
                             : now.counts.passed;
  ++count;
  if (now.failures && !now.quiet) std::printf("FAILED %s\n", full.c_str());
}

void expect_close(const std::string& what, const std::vector<double>& actual,
                  const std::vector<double>& expected, double tolerance, double floor) {
  if (actual.size() != expected.size()) return fail(what + ": sizes differ");
  double largest = floor;
  for (double value : expected) largest = std::fmax(largest, std::fabs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::fabs(actual[i] - expected[i]);
    if (error <= tolerance * (std::fabs(expected[i]) + largest)) continue;
    char text[160];
    std::snprintf(text, sizeof text, "[%zu] is %.9g, expected %.9g (largest %.3g, tolerance %.2g)",
                  i, actual[i], expected[i], largest, tolerance);
    fail(what + text);
  }
}

int run_all(const std::string& filter, size_t share, size_t shares) {
  if (!reports_failures()) {
    std::printf("the harness does not report failures\n0 passed, 1 failed, 0 skipped\n");
    return 1;
  }
  state().filter = filter;
  state().share = share;
  state().shares = shares;
  for (const Entry& entry : state().entries) {
    const Counts before = state().counts;
    state().group = entry.name;
    entry.enumerate();
    const Counts& now = state().counts;
    if (now.passed + now.failed + now.skipped == before.passed + before.failed + before.skipped)
      continue;
    std::printf("%-24s %5d passed %3d failed %3d skipped\n", entry.name, now.passed - before.passed,
                now.failed - before.failed, now.skipped - before.skipped);
  }
  print_kernels();
  const Counts& now = state().counts;
  const bool none = now.passed + now.failed + now.skipped == 0 && state().shares == 1;
  if (none) std::printf("no case matches '%s'\n", filter.c_str());
  std::printf("%d passed, %d failed, %d skipped\n", now.passed, now.failed, now.skipped);
  return now.failed > 0 || none;
}

}  // namespace attune::test

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  size_t share = 0, shares = 1;
  if (argc > 2 && (std::sscanf(argv[2], "%zu/%zu", &share, &shares) != 2 || share >= shares)) {
    std::printf("'%s' is no share, such as 0/2\n", argv[2]);
    return 2;
  }
  return attune::test::run_all(argc > 1 ? argv[1] : "", share, shares);
}
