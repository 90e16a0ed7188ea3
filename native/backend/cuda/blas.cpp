// Dense products through cuBLASLt, loaded at run time: a build needs its headers alone.
//
// The library thinks in columns. A row-major matrix is its own transpose in columns, so c = a b is
// asked for as c' = b' a', with the operands exchanged. What it calls the bias of a row is ours of
// a column.
//
// A plan is chosen once for each shape, by the library's own model of the device and not by timing
// candidates, which could choose otherwise in the next run and so change bits.
#include "backend/cuda/blas.h"

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "backend/cuda/kernels.h"
#include "backend/cuda/lt.h"
#include "backend/shapes.h"
#include "core/error.h"

namespace attune::cuda {

namespace {

constexpr size_t kMaxPlans = 4096;
constexpr size_t kBiasRoom = size_t{1} << 20;  // of the workspace, for a bias that was converted

void require(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const Code code = status == CUBLAS_STATUS_ALLOC_FAILED ? Code::memory : Code::device;
  throw Error(code, call, lt().status_string(status));
}

cudaDataType_t type_of(DType dtype) { return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

/** Largest power of two up to 16 that divides an address. */
uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  uint32_t alignment = 16;
  while (address % alignment != 0) alignment /= 2;
  return alignment;
}

/** Everything that the choice of an algorithm may depend on. */
using Key = std::array<int64_t, 11>;

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 0;
    for (int64_t x : key) {
      hash = (hash ^ static_cast<uint64_t>(x)) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

Key key_of(const MatmulArgs& args) {
  const int64_t k = args.trans_a ? args.a.rows : args.a.cols;
  const int64_t flags = args.trans_a | args.trans_b << 1 | (args.bias != nullptr) << 2 |
                        (args.a.dtype == DType::bf16) << 3 | (args.c.dtype == DType::bf16) << 4;
  return {args.c.rows,
          args.c.cols,
          k,
          args.a.stride,
          args.b.stride,
          args.c.stride,
          flags,
          alignment_of(args.a.data),
          alignment_of(args.b.data),
          alignment_of(args.c.data),
          alignment_of(args.bias)};
}

/** A description of the library's, freed with its owner. */
template <class Handle, cublasStatus_t (*Lt::*destroy)(Handle)>
struct Owned {
  Owned() = default;
  Owned(Owned&& other) noexcept : handle(other.handle) { other.handle = nullptr; }
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle, other.handle);
    return *this;
  }
  ~Owned() {
    if (handle) (lt().*destroy)(handle);
  }
  Handle handle = nullptr;
};

using Operation = Owned<cublasLtMatmulDesc_t, &Lt::operation_destroy>;
using Layout = Owned<cublasLtMatrixLayout_t, &Lt::layout_destroy>;
using Preference = Owned<cublasLtMatmulPreference_t, &Lt::preference_destroy>;

struct Plan {
  Operation operation;
  Layout a, b, c;
  cublasLtMatmulAlgo_t algorithm{};
  DType bias = DType::f32;  // the type in which the library takes it
};

Layout layout_of(const Tensor& x) {
  Layout layout;
  require(lt().layout_create(&layout.handle, type_of(x.dtype), static_cast<uint64_t>(x.cols),
                             static_cast<uint64_t>(x.rows), x.stride),
          "cublasLtMatrixLayoutCreate");
  return layout;
}

template <class Value>
void set(const Operation& operation, cublasLtMatmulDescAttributes_t attribute, const Value& value) {
  require(lt().operation_set(operation.handle, attribute, &value, sizeof value),
          "cublasLtMatmulDescSetAttribute");
}

template <class Value>
void set(const Preference& preference, cublasLtMatmulPreferenceAttributes_t attribute,
         const Value& value) {
  require(lt().preference_set(preference.handle, attribute, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
}

Preference preference_of(const MatmulArgs& args) {
  Preference preference;
  require(lt().preference_create(&preference.handle), "cublasLtMatmulPreferenceCreate");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
      static_cast<uint64_t>(Runtime::kWorkspace - kBiasRoom));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(args.b.data));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(args.a.data));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(args.c.data));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(args.c.data));
  // Parts of a sum are added in float32, never in what c holds.
  uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  if (args.c.dtype == DType::f32) schemes |= CUBLASLT_REDUCTION_SCHEME_INPLACE;
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
  return preference;
}

/** Finds the library's best algorithm for the plan; false where it has none. */
bool choose(cublasLtHandle_t handle, const MatmulArgs& args, Plan& plan) {
  const Preference preference = preference_of(args);
  cublasLtMatmulHeuristicResult_t result;
  int found = 0;
  const cublasStatus_t status =
      lt().heuristic(handle, plan.operation.handle, plan.a.handle, plan.b.handle, plan.c.handle,
                     plan.c.handle, preference.handle, 1, &result, &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return false;
  require(status, "cublasLtMatmulAlgoGetHeuristic");
  if (found == 0 || result.state != CUBLAS_STATUS_SUCCESS) return false;
  plan.algorithm = result.algo;
  return true;
}

Plan make_plan(cublasLtHandle_t handle, const MatmulArgs& args, bool tf32) {
  Plan plan;
  const bool fast = tf32 && args.a.dtype == DType::f32;
  require(
      lt().operation_create(&plan.operation.handle,
                            fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
      "cublasLtMatmulDescCreate");
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, args.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, args.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  plan.a = layout_of(args.b);
  plan.b = layout_of(args.a);
  plan.c = layout_of(args.c);
  if (args.bias) {
    set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, args.bias);
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
  }
  if (choose(handle, args, plan)) return plan;
  // Not every product takes a float32 bias beside a bfloat16 result.
  if (args.bias && args.c.dtype == DType::bf16) {
    plan.bias = DType::bf16;
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_16BF);
    if (choose(handle, args, plan)) return plan;
  }
  throw Error(Code::device, "matmul",
              "cuBLASLt has no product of [" + std::to_string(args.c.rows) + ", " +
                  std::to_string(args.c.cols) + "] in " + dtype_name(args.a.dtype));
}

}  // namespace

struct Blas::State {
  State(Runtime& device, bool fast) : runtime(device), tf32(fast) {
    device.stream();  // makes the device current
    require(lt().create(&handle), "cublasLtCreate");
  }
  ~State() {
    plans.clear();
    if (handle) lt().destroy(handle);
  }

  const Plan& plan(const MatmulArgs& args) {
    const Key key = key_of(args);
    const auto found = plans.find(key);
    if (found != plans.end()) return found->second;
    if (plans.size() == kMaxPlans) plans.clear();
    return plans.emplace(key, make_plan(handle, args, tf32)).first->second;
  }

  void bias_only(const MatmulArgs&);

  Runtime& runtime;
  bool tf32;
  cublasLtHandle_t handle = nullptr;
  std::unordered_map<Key, Plan, KeyHash> plans;
};

Blas::Blas(Runtime& runtime, bool tf32) : state_(std::make_unique<State>(runtime, tf32)) {}
Blas::~Blas() = default;

/** K = 0: c (+)= bias. */
void Blas::State::bias_only(const MatmulArgs& args) {
  const Tensor& c = args.c;
  if (args.bias) {
    const size_t bytes = static_cast<size_t>(c.rows) * sizeof(int32_t);
    auto* zeros = static_cast<int32_t*>(runtime.workspace(bytes));
    runtime.zero(zeros, bytes);
    EmbeddingArgs rows;  // of a table of one row
    rows.indices = zeros;
    rows.table = Tensor(const_cast<float*>(args.bias), DType::f32, 1, c.cols);
    rows.out = c;
    rows.accumulate = args.accumulate;
    embedding(runtime, rows);
  } else if (!args.accumulate) {
    for (int64_t i = 0; i < c.rows; ++i)
      runtime.zero(c.row_range(i, 1).data, static_cast<size_t>(c.cols) * size_of(c.dtype));
  }
}

void Blas::matmul(const MatmulArgs& args) {
  check_shapes(args);
  if (args.c.rows == 0 || args.c.cols == 0) return;
  if ((args.trans_a ? args.a.rows : args.a.cols) == 0) return state_->bias_only(args);

  Runtime& runtime = state_->runtime;
  auto* stream = static_cast<cudaStream_t>(runtime.stream());
  auto* workspace = static_cast<uint8_t*>(runtime.workspace(Runtime::kWorkspace));
  const Plan& plan = state_->plan(args);
  if (args.bias) {
    const void* bias = args.bias;
    if (plan.bias == DType::bf16) {
      const auto columns = args.c.cols;
      check(static_cast<size_t>(columns) * 2 <= kBiasRoom, Code::shape, "matmul",
            "a bias of " + std::to_string(columns) + " columns is too wide");
      CastArgs rounded;
      rounded.x = Tensor(const_cast<float*>(args.bias), DType::f32, 1, columns);
      rounded.out = Tensor(workspace, DType::bf16, 1, columns);
      cast(runtime, rounded);
      bias = workspace;
    }
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  const float alpha = args.scale, beta = args.accumulate ? 1 : 0;
  require(lt().matmul(state_->handle, plan.operation.handle, &alpha, args.b.data, plan.a.handle,
                      args.a.data, plan.b.handle, &beta, args.c.data, plan.c.handle, args.c.data,
                      plan.c.handle, &plan.algorithm, workspace + kBiasRoom,
                      Runtime::kWorkspace - kBiasRoom, stream),
          "cublasLtMatmul");
}

}  // namespace attune::cuda
