#include "backend/cuda/cuda_backend.h"

#include <algorithm>
#include <map>
#include <string>

#include "backend/cuda/blas.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/runtime.h"
#include "backend/parts.h"
#include "core/error.h"

namespace attune::cuda {

namespace {

// Left for what the driver takes later: kernels, loaded as they first run, and recorded graphs.
constexpr uint64_t kReserve = uint64_t{256} << 20;
constexpr int64_t kResults = 64;  // float64 numbers that an op may return to the host

class CudaBackend final : public Backend {
 public:
  CudaBackend(int device, bool tf32)
      : runtime_(device), blas_(runtime_, tf32), results_(runtime_) {}

  uint64_t memory() override {
    const uint64_t free = runtime_.facts().free;
    return free > kReserve ? free - kReserve : 1;  // 0 would be: unknown
  }
  uint64_t taken() override {
    const uint64_t used = runtime_.used();
    uint64_t own = 0;
    for (const auto& [memory, bytes] : given_) own += bytes;
    return used - std::min(used, own);
  }
  void* allocate(size_t bytes) override {
    void* memory = runtime_.allocate(bytes);
    given_[memory] = bytes;
    return memory;
  }
  void release(void* memory) override {
    given_.erase(memory);
    runtime_.release(memory);
  }
  void upload(void* device, const void* host, size_t bytes) override {
    runtime_.upload(device, bytes, host, bytes, bytes, 1);
  }
  void download(void* host, const void* device, size_t bytes) override {
    runtime_.download(host, bytes, device, bytes, bytes, 1);
  }
  void upload(Tensor device, const void* host) override {
    const size_t width = bytes_of(device, device.cols);
    runtime_.upload(device.data, bytes_of(device, device.stride), host, width, width,
                    static_cast<size_t>(device.rows));
  }
  void download(void* host, Tensor device) override {
    const size_t width = bytes_of(device, device.cols);
    runtime_.download(host, width, device.data, bytes_of(device, device.stride), width,
                      static_cast<size_t>(device.rows));
  }
  void zero(void* device, size_t bytes) override { runtime_.zero(device, bytes); }
  void synchronize() override { runtime_.synchronize(); }
  int64_t mark() override { return runtime_.mark(); }
  double seconds(int64_t from, int64_t to) override { return runtime_.seconds(from, to); }
  int64_t token_multiple() override { return 128; }
  size_t logits_bytes() override { return size_t{512} << 20; }
  void repeat(uint64_t key, const std::function<void()>& work) override {
    runtime_.repeat(key, work);
  }

  void matmul(const MatmulArgs& args) override {
    is_thin_product(args) ? thin_product(runtime_, args) : blas_.matmul(args);
  }
  size_t matmul_scratch(const MatmulArgs&) override { return 0; }  // the runtime's workspace
  void adapter_backward(const AdapterBackwardArgs& args) override {
    if (!cuda::adapter_backward(runtime_, args)) parts::adapter_backward(*this, args);
  }
  void column_sum(const ColumnSumArgs& args) override { cuda::column_sum(runtime_, args); }
  void embedding(const EmbeddingArgs& args) override { cuda::embedding(runtime_, args); }
  void embedding_backward(const EmbeddingBackwardArgs& args) override {
    cuda::embedding_backward(runtime_, args);
  }
  void gather_rows(const GatherRowsArgs& args) override { cuda::gather_rows(runtime_, args); }
  void scatter_rows(const ScatterRowsArgs& args) override { cuda::scatter_rows(runtime_, args); }
  void norm(const NormArgs& args) override { cuda::norm(runtime_, args); }
  void norm_backward(const NormBackwardArgs& args) override { cuda::norm_backward(runtime_, args); }
  void add(const AddArgs& args) override { cuda::add(runtime_, args); }
  void rope(const RopeArgs& args) override { cuda::rope(runtime_, args); }
  void attention(const AttentionArgs& args) override { cuda::attention(runtime_, args); }
  void attention_backward(const AttentionBackwardArgs& args) override {
    cuda::attention_backward(runtime_, args);
  }
  size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t head_size) override {
    return cuda::attention_backward_scratch(tokens, heads, head_size);
  }
  void activation(const ActivationArgs& args) override {
    if (!args.adapter) return cuda::activation(runtime_, args);
    if (!activation_low(runtime_, args)) parts::activation(*this, args);
  }
  void activation_backward(const ActivationBackwardArgs& args) override {
    if (!args.x_adapter && !args.up_adapter && !args.out_adapter)
      return cuda::activation_backward(runtime_, args);
    if (!activation_backward_adapters(runtime_, args)) parts::activation_backward(*this, args);
  }
  void cross_entropy(const CrossEntropyArgs& args) override { cuda::cross_entropy(runtime_, args); }
  void sums(const SumsArgs& args) override {
    check(args.count <= kResults, Code::internal, "sums",
          "at most " + std::to_string(kResults) + " at once");
    if (args.count == 0) return;
    cuda::sums(runtime_, args, results_.data());
    download(args.results, results_.data(), static_cast<size_t>(args.count) * sizeof(double));
  }
  double square_sum(const SquareSumArgs& args) override {
    double result = 0;
    cuda::square_sum(runtime_, args, results_.data());
    download(&result, results_.data(), sizeof result);
    return result;
  }
  void adamw(const AdamwArgs& args) override { cuda::adamw(runtime_, args); }
  void cast(const CastArgs& args) override { cuda::cast(runtime_, args); }
  void dropout(const DropoutArgs& args) override { cuda::dropout(runtime_, args); }

 private:
  /** Numbers on the device on their way to the host. */
  class Results {
   public:
    explicit Results(Runtime& runtime)
        : runtime_(runtime), data_(runtime.allocate(kResults * sizeof(double))) {}
    ~Results() { runtime_.release(data_); }
    Results(const Results&) = delete;
    Results& operator=(const Results&) = delete;
    double* data() const { return static_cast<double*>(data_); }

   private:
    Runtime& runtime_;
    void* data_;
  };

  static size_t bytes_of(const Tensor& x, int64_t count) {
    return static_cast<size_t>(count) * size_of(x.dtype);
  }

  Runtime runtime_;
  Blas blas_;
  Results results_;
  std::map<void*, uint64_t> given_;
};

}  // namespace

std::unique_ptr<Backend> make_backend(int device, bool tf32) {
  return std::make_unique<CudaBackend>(device, tf32);
}

}  // namespace attune::cuda
