// Times every op at the shapes of a model of 135M parameters, after checking it against the
// portable kernels. Usage: attune_bench [FILTER]; ATTUNE_ISA and OMP_NUM_THREADS are heeded.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>

#include "backend/cpu/host.h"
#include "backend/registry.h"
#include "cases.h"
#include "machine.h"

namespace attune {

namespace portable {
HostBackend* make_kernels();
}

namespace bench {
namespace {

double value_at(const Tensor& x, int64_t i, int64_t j) {
  const int64_t at = i * x.stride + j;
  const float value = x.dtype == DType::bf16 ? bf16_to_f32(x.bf16()[at]) : x.f32()[at];
  return static_cast<double>(value);
}

std::vector<float> snapshot(const Case& c) {
  std::vector<float> values;
  for (const Tensor& x : c.results) {
    for (int64_t i = 0; i < x.rows; ++i) {
      for (int64_t j = 0; j < x.cols; ++j) values.push_back(static_cast<float>(value_at(x, i, j)));
    }
  }
  return values;
}

/** Largest difference from the portable kernels, as a part of the largest value. */
double difference(const Case& c, Backend& backend, Backend& portable) {
  c.reset();
  c.run(portable);
  const std::vector<float> expected = snapshot(c);
  c.reset();
  c.run(backend);
  const std::vector<float> actual = snapshot(c);
  double largest = 1e-30, apart = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error =
        std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(error <= apart)) apart = error;  // NaN too
    largest = std::fmax(largest, std::fabs(static_cast<double>(expected[i])));
  }
  return apart / largest;
}

/** The best of runs that take half a second together. */
double best_time(const Case& c, Backend& backend) {
  double best = 1e9, total = 0;
  for (int round = 0; round < 100 && (total < 0.5 || round < 4); ++round) {
    const double start = now();
    c.run(backend);
    const double seconds = now() - start;
    total += seconds;
    if (seconds < best) best = seconds;
  }
  return best;
}

bool measure(const Case& c, Backend& backend, Backend& portable, double peak, double bandwidth) {
  const double apart = difference(c, backend, portable);
  const char* type = c.dtype == DType::bf16 ? "bf16" : "f32";
  if (!(apart <= (c.dtype == DType::bf16 ? 1.0 / 64 : 1e-4))) {
    std::printf("%-28s %-5s WRONG: off by %.2g of the largest value\n", c.name.c_str(), type,
                apart);
    return false;
  }
  const double seconds = best_time(c, backend), rate = c.work / seconds / 1e9;
  const double part = 100 * rate / (c.compute ? peak : bandwidth);
  std::printf("%-28s %-5s %9.3f ms %9.1f %-7s %5.0f %%\n", c.name.c_str(), type, seconds * 1e3,
              rate, c.compute ? "GFLOP/s" : "GB/s", part);
  return true;
}

int measure_all(const char* filter) {
  const DeviceInfo device = devices().front();
  const auto backend = make_backend("cpu", false);
  const std::unique_ptr<Backend> portable(portable::make_kernels());
  const double peak = peak_gflops(), bandwidth = copy_bandwidth();
  std::printf("%s, %d threads, %s, %s: float32 peak %.0f GFLOP/s, copy %.1f GB/s\n",
              device.name.c_str(), device.threads, device.isa.c_str(), device.product.c_str(), peak,
              bandwidth);
  int wrong = 0, count = 0;
  for (DType dtype : {DType::f32, DType::bf16}) {
    for (const Case& c : make_cases(dtype)) {
      if (c.name.find(filter) == std::string::npos) continue;
      ++count;
      wrong += !measure(c, *backend, *portable, peak, bandwidth);
    }
  }
  if (count == 0) std::printf("no op matches '%s'\n", filter);
  return wrong > 0 || count == 0;
}

}  // namespace
}  // namespace bench
}  // namespace attune

int main(int argc, char** argv) {
  try {
    return attune::bench::measure_all(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
