#include <algorithm>

#include "machine.h"
#include "measure.h"
#ifdef ATTUNE_BENCH_CUDA
#include <cuda_runtime.h>

#include "core/error.h"
#endif

namespace attune::bench {

namespace {

constexpr int kWarm = 3, kTimes = 15;

/** Bytes read and written per second by copies on the device. */
double copy_rate(const std::string& device, Backend& backend) {
  if (device.compare(0, 4, "cuda") != 0 || device == "cuda-host") return copy_bandwidth() * 1e9;
#ifdef ATTUNE_BENCH_CUDA
  constexpr size_t kBytes = size_t{4} << 30;  // many times what its cache holds
  const auto require = [](cudaError_t status) {
    check(status == cudaSuccess, Code::device, "copy", cudaGetErrorString(status));
  };
  const size_t colon = device.find(':');
  require(cudaSetDevice(colon == std::string::npos ? 0 : std::stoi(device.substr(colon + 1))));
  void *from = nullptr, *to = nullptr;
  require(cudaMalloc(&from, kBytes));
  require(cudaMalloc(&to, kBytes));
  require(cudaMemset(from, 0x3c, kBytes));
  cudaEvent_t begin, end;
  require(cudaEventCreate(&begin));
  require(cudaEventCreate(&end));
  std::vector<double> seconds;
  for (int i = 0; i < kWarm + kTimes; ++i) {
    require(cudaEventRecord(begin));
    require(cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDeviceToDevice));
    require(cudaEventRecord(end));
    require(cudaEventSynchronize(end));
    float milliseconds = 0;
    require(cudaEventElapsedTime(&milliseconds, begin, end));
    if (i >= kWarm) seconds.push_back(1e-3 * static_cast<double>(milliseconds));
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  require(cudaFree(from));
  require(cudaFree(to));
  static_cast<void>(backend);
  return 2 * static_cast<double>(kBytes) / median(seconds);
#else
  static_cast<void>(backend);
  return 0;
#endif
}

/** FLOP/s of a bfloat16 product of n x n matrices. */
double product_rate(Backend& backend, int64_t n) {
  const size_t bytes = static_cast<size_t>(n * n) * 2;
  std::vector<uint16_t> host(static_cast<size_t>(n * n));
  uint32_t state = 1;
  for (uint16_t& value : host) {
    state = state * 1664525u + 1013904223u;
    value = f32_to_bf16(static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
  }
  void* memory[3];
  for (void*& one : memory) one = backend.allocate(bytes);
  backend.upload(memory[0], host.data(), bytes);
  backend.upload(memory[1], host.data(), bytes);
  MatmulArgs args;
  args.a = Tensor(memory[0], DType::bf16, n, n);
  args.b = Tensor(memory[1], DType::bf16, n, n);
  args.c = Tensor(memory[2], DType::bf16, n, n);
  args.trans_b = true;
  std::vector<double> seconds;
  for (int i = 0; i < kWarm + kTimes; ++i) {
    const int64_t begin = backend.mark();
    backend.matmul(args);
    const double time = backend.seconds(begin, backend.mark());
    if (i >= kWarm) seconds.push_back(time);
  }
  for (void* one : memory) backend.release(one);
  const auto size = static_cast<double>(n);
  return 2 * size * size * size / median(seconds);
}

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Ceilings measure_ceilings(const std::string& device, Backend& backend) {
  const bool host = device == "cpu" || device == "cuda-host";
  Ceilings ceilings;
  ceilings.product = product_rate(backend, device == "cuda-host" ? 128 : host ? 1024 : 8192);
  ceilings.bandwidth = copy_rate(device, backend);
  return ceilings;
}

}  // namespace attune::bench
