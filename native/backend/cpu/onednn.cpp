// The dense product through oneDNN. Compiled once; oneDNN chooses its own instruction set.
#include <cstdlib>
#include <cstring>

#include "backend/cpu/host.h"
#include "core/error.h"

#ifdef ATTUNE_ONEDNN
#include <dnnl.hpp>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <string>
#include <unordered_map>
#include <utility>

namespace attune {
namespace {

bool switched_on() {
  static const bool on = [] {
    const char* value = std::getenv("ATTUNE_ONEDNN");
    return !value || std::strcmp(value, "0") != 0;
  }();
  return on;
}

/** Everything a primitive is made for. */
struct Shape {
  int64_t m, n, k, a_stride, b_stride, c_stride;
  int64_t flags;  // transposes, types, accumulate, bias, and the bits of the scale

  bool operator==(const Shape& other) const { return !std::memcmp(this, &other, sizeof *this); }
};

struct ShapeHash {
  size_t operator()(const Shape& shape) const {
    uint64_t hash = 0;
    for (int64_t x :
         {shape.m, shape.n, shape.k, shape.a_stride, shape.b_stride, shape.c_stride, shape.flags}) {
      hash = (hash ^ static_cast<uint64_t>(x)) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

struct Entry {
  dnnl::memory::desc a, b, c, bias;
  dnnl::matmul primitive;
  std::unordered_map<int, dnnl::memory> operands;
  size_t scratch = 0;  // bytes
  bool usable = false;
};

/**
 * What a primitive needs beside its operands. All of a thread share one, as long as the longest
 * has asked for: oneDNN's own would stay with each primitive, one for every number of tokens.
 */
class Scratchpad {
 public:
  Scratchpad() = default;
  Scratchpad(const Scratchpad&) = delete;
  Scratchpad& operator=(const Scratchpad&) = delete;
  ~Scratchpad() { release_scratch(data_); }

  void* of(size_t bytes) {
    if (bytes > size_) {
      release_scratch(std::exchange(data_, nullptr));
      size_ = 0;
      data_ = take_scratch(bytes);
      size_ = bytes;
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

/** Of one thread: primitives may not run twice at a time. */
struct Context {
  Scratchpad scratchpad;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Shape, Entry, ShapeHash> entries;
};

constexpr size_t kMaxEntries = 512;
// Operands that are packed, which no descriptor tells: pieces that come and go. As measured with
// oneDNN 2.6 and glibc, at sizes from 512 to 50304.
constexpr size_t kPacked = size_t{8} << 20, kPackedOfThread = size_t{1} << 20;

size_t most_threads() {
#ifdef _OPENMP
  return static_cast<size_t>(omp_get_max_threads());
#else
  return 1;
#endif
}
// Multiplications below which waking other threads costs more than they save.
constexpr int64_t kWorthThreads = 1 << 24;

/** oneDNN takes its number of threads from OpenMP: one, for the length of a small product. */
class ThreadsFor {
 public:
#ifdef _OPENMP
  explicit ThreadsFor(int64_t work) : before_(work < kWorthThreads ? omp_get_max_threads() : 0) {
    if (before_) omp_set_num_threads(1);
  }
  ~ThreadsFor() {
    if (before_) omp_set_num_threads(before_);
  }

 private:
  int before_;
#else
  explicit ThreadsFor(int64_t) {}
#endif
};

Shape shape_of(const MatmulArgs& args) {
  Shape shape;
  shape.m = args.c.rows;
  shape.n = args.c.cols;
  shape.k = args.trans_a ? args.a.rows : args.a.cols;
  shape.a_stride = args.a.stride;
  shape.b_stride = args.b.stride;
  shape.c_stride = args.c.stride;
  shape.flags = args.trans_a | args.trans_b << 1 | args.accumulate << 2 |
                (args.bias != nullptr) << 3 | (args.a.dtype == DType::bf16) << 4 |
                (args.c.dtype == DType::bf16) << 5;
  uint32_t scale;
  std::memcpy(&scale, &args.scale, sizeof scale);
  shape.flags |= static_cast<int64_t>(scale) << 6;
  return shape;
}

dnnl::memory::desc describe(int64_t rows, int64_t cols, DType dtype, int64_t stride, bool trans) {
  using Type = dnnl::memory::data_type;
  const Type type = dtype == DType::bf16 ? Type::bf16 : Type::f32;
  const dnnl::memory::dims strides =
      trans ? dnnl::memory::dims{1, stride} : dnnl::memory::dims{stride, 1};
  return dnnl::memory::desc({rows, cols}, type, strides);
}

dnnl::matmul::primitive_desc plan(const Context& context, const Entry& entry,
                                  const MatmulArgs& args) {
  const bool bias = args.bias != nullptr;
  dnnl::primitive_attr attributes;
  dnnl::post_ops operations;
  if (args.scale != 1) {
#if DNNL_VERSION_MAJOR >= 3
    operations.append_eltwise(dnnl::algorithm::eltwise_linear, args.scale, 0.0f);
#else
    operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, args.scale, 0.0f);
#endif
  }
  if (args.accumulate) operations.append_sum(1.0f);
  attributes.set_post_ops(operations);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
  if (!bias) return {context.engine, entry.a, entry.b, entry.c, attributes};
  return {context.engine, entry.a, entry.b, entry.bias, entry.c, attributes};
#else
  if (!bias) return {dnnl::matmul::desc(entry.a, entry.b, entry.c), attributes, context.engine};
  return {dnnl::matmul::desc(entry.a, entry.b, entry.bias, entry.c), attributes, context.engine};
#endif
}

/** Reference implementations are slower than the built-in product. */
bool is_fast(const char* implementation) {
  return implementation && std::strncmp(implementation, "ref", 3) != 0 &&
         !std::strstr(implementation, "gemm:ref");
}

Entry describe(const MatmulArgs& args) {
  const Shape shape = shape_of(args);
  Entry entry;
  entry.a = describe(shape.m, shape.k, args.a.dtype, args.a.stride, args.trans_a);
  entry.b = describe(shape.k, shape.n, args.b.dtype, args.b.stride, args.trans_b);
  entry.c = describe(shape.m, shape.n, args.c.dtype, args.c.stride, false);
  entry.bias = describe(1, shape.n, DType::f32, shape.n, false);
  return entry;
}

/** Unusable where there is no fast implementation. */
Entry make_entry(const Context& context, const MatmulArgs& args) {
  Entry entry = describe(args);
  try {
    const auto chosen = plan(context, entry, args);
    if (!is_fast(chosen.impl_info_str())) return entry;
    entry.primitive = dnnl::matmul(chosen);
    const auto unbound = [&](const dnnl::memory::desc& desc) {
      return dnnl::memory(desc, context.engine, DNNL_MEMORY_NONE);
    };
    entry.operands = {{DNNL_ARG_SRC, unbound(entry.a)},
                      {DNNL_ARG_WEIGHTS, unbound(entry.b)},
                      {DNNL_ARG_DST, unbound(entry.c)}};
    if (args.bias) entry.operands.emplace(DNNL_ARG_BIAS, unbound(entry.bias));
    entry.scratch = chosen.scratchpad_desc().get_size();
    entry.operands.emplace(DNNL_ARG_SCRATCHPAD, unbound(chosen.scratchpad_desc()));
    entry.usable = true;
  } catch (const dnnl::error&) {
    entry.usable = false;
  }
  return entry;
}

Entry& entry_for(Context& context, const MatmulArgs& args) {
  const Shape shape = shape_of(args);
  auto found = context.entries.find(shape);
  if (found != context.entries.end()) return found->second;
  if (context.entries.size() >= kMaxEntries) context.entries.clear();
  return context.entries.emplace(shape, make_entry(context, args)).first->second;
}

void execute(Context& context, Entry& entry, const MatmulArgs& args) {
  entry.operands[DNNL_ARG_SRC].set_data_handle(args.a.data);
  entry.operands[DNNL_ARG_WEIGHTS].set_data_handle(args.b.data);
  entry.operands[DNNL_ARG_DST].set_data_handle(args.c.data);
  entry.operands[DNNL_ARG_SCRATCHPAD].set_data_handle(context.scratchpad.of(entry.scratch));
  if (args.bias) entry.operands[DNNL_ARG_BIAS].set_data_handle(const_cast<float*>(args.bias));
  entry.primitive.execute(context.stream, entry.operands);
  context.stream.wait();
}

}  // namespace

bool onednn_matmul(const MatmulArgs& args) {
  if (!switched_on() || (args.scale != 1 && args.bias)) return false;
  const int64_t work = args.c.rows * args.c.cols * (args.trans_a ? args.a.rows : args.a.cols);
  try {
    const ThreadsFor threads(work);
    thread_local Context context;
    Entry& entry = entry_for(context, args);
    if (!entry.usable) return false;
    execute(context, entry, args);
    return true;
  } catch (const dnnl::error& error) {
    const bool memory = error.status == dnnl_out_of_memory;
    throw Error(memory ? Code::memory : Code::internal, "matmul",
                std::string("oneDNN: ") + error.message);
  }
}

size_t onednn_scratch(const MatmulArgs& args) {
  if (!switched_on() || (args.scale != 1 && args.bias)) return 0;
  const Entry entry = describe(args);
  try {
    const auto chosen = plan(Context(), entry, args);
    const size_t bytes = chosen.scratchpad_desc().get_size();
    // Room for sums of each thread; where threads share one product they use that of the first.
    const bool shared = std::strncmp(chosen.impl_info_str(), "gemm:", 5) == 0;
    const size_t threads = most_threads();
    return (shared ? bytes / threads : bytes) + kPacked + kPackedOfThread * threads;
  } catch (const dnnl::error&) {
    return 0;
  }
}

const char* onednn_version() {
  if (!switched_on()) return "";
  static const std::string version = [] {
    const dnnl_version_t* v = dnnl_version();
    return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
  }();
  return version.c_str();
}

void onednn_limit_isa(const char* isa) {
  if (!switched_on()) return;
#if defined(__x86_64__)
  if (std::strcmp(isa, "avx512") == 0) return;
  const bool avx2 = std::strcmp(isa, "avx2") == 0;
  dnnl_set_max_cpu_isa(avx2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41);  // refused once in use
#else
  static_cast<void>(isa);
#endif
}

}  // namespace attune

#else

namespace attune {

bool onednn_matmul(const MatmulArgs&) { return false; }
size_t onednn_scratch(const MatmulArgs&) { return 0; }
const char* onednn_version() { return ""; }
void onednn_limit_isa(const char*) {}

}  // namespace attune

#endif
