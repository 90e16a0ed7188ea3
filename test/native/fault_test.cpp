// Memory that cannot be had, at every place that asks for some: the n-th allocation of a training
// run fails, for n = 1, 2, … until none does (every 17th, unless ATTUNE_FAULTS=all). Each failure
// is an exception, nothing is trained by halves, and the next engine works as if nothing had
// happened.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "core/error.h"
#include "models.h"

namespace {

/** Allocations until one fails; none does while it is not positive. */
std::atomic<int64_t> countdown{0};

bool fails() { return countdown.load() > 0 && countdown.fetch_sub(1) == 1; }

void* take(size_t bytes) {
  void* memory = fails() ? nullptr : std::malloc(bytes ? bytes : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes); }
void* operator new[](size_t bytes) { return take(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

// The linker sends the engine's own calls here (--wrap).
extern "C" {
void* __real_aligned_alloc(size_t alignment, size_t bytes);
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return fails() ? nullptr : __real_aligned_alloc(alignment, bytes);
}
}

namespace attune::test {
namespace {

constexpr int64_t kTokens = 23;

struct Files {
  std::string path = "/tmp/attune-fault-" + std::to_string(getpid());
  ~Files() { unlink(path.c_str()); }
};

std::vector<TensorWrite> writes_of(Engine& engine) {
  std::vector<TensorWrite> writes;
  uint64_t offset = 8;
  for (const Parameter* parameter : engine.parameters().trained()) {
    writes.push_back({parameter->name, offset, DType::f32, Part::value});
    offset += static_cast<uint64_t>(parameter->size()) * 4;
  }
  return writes;
}

using Weights = std::vector<std::vector<float>>;

Weights weights_of(Engine& engine) {
  Weights all;
  for (const Parameter* parameter : engine.parameters().trained())
    all.push_back(engine.read(parameter->name, Part::value));
  return all;
}

/** The memory that failed, as a typed error or as the language's own. */
template <typename Body>
bool survives(Body body) {
  try {
    body();
    return true;
  } catch (const std::bad_alloc&) {
  } catch (const Error& error) {
    expect(error.code() == Code::memory, std::string("another error: ") + error.what());
  }
  return false;
}

UpdateOptions update_of(const BatchSums& sums) {
  UpdateOptions options;
  options.learning_rate = 0.02;
  options.max_grad_norm = 1;
  options.tokens = static_cast<double>(sums.tokens);
  return options;
}

/** Every verb of a training run; what fails is tried once more, with memory. */
struct Run {
  Run(const ModelSpec& spec, DType dtype, Method method, const std::string& path)
      : spec(spec), dtype(dtype), method(method), path(path) {}

  /** Whether the n-th allocation was reached. */
  bool operator()(int64_t n) {
    const Batch batch = batch_of(spec, kTokens);
    const std::vector<uint8_t> header(8);
    std::unique_ptr<Engine> engine;
    countdown = n;
    attempt([&] {
      engine.reset();
      engine = std::make_unique<Engine>(spec, options_for(spec, dtype, method, kTokens),
                                        backend_of("cpu"));
    });
    hold([&] { fill(*engine); });
    BatchSums sums;
    attempt([&] { sums = engine->accumulate(batch); }, [&] { check_torn(*engine); });
    attempt([&] { engine->update(update_of(sums)); });
    attempt([&] { engine->evaluate(batch); });
    attempt([&] { engine->token_losses(batch); });
    attempt([&] { engine->decode({1, 2, 3}, true); });
    std::vector<TensorWrite> writes;
    hold([&] { writes = writes_of(*engine); });
    attempt([&] { engine->save(path, header, writes); });
    attempt([&] { engine->snapshot(header, writes); });
    attempt([&] {
      std::vector<TensorRead> reads;
      for (const TensorWrite& write : writes) {
        const auto size = static_cast<uint64_t>(engine->parameters().find(write.name).size());
        reads.push_back({write.name, path, write.offset, size * 4, DType::f32, Part::value});
      }
      engine->load(reads);
    });
    const bool reached = countdown.exchange(0) <= 0;
    weights = weights_of(*engine);
    return reached;
  }

  Weights weights;

 private:
  /** What the run needs and no verb of the engine does. */
  template <typename Body>
  void hold(Body body) {
    const int64_t left = countdown.exchange(0);
    body();
    countdown = left;
  }

  template <typename Body>
  void attempt(Body body) {
    attempt(body, [] {});
  }

  template <typename Body, typename After>
  void attempt(Body body, After after) {
    if (survives(body)) return;
    expect(countdown <= 0, "an allocation failed that was not meant to");
    after();
    body();
  }

  /** A micro-batch that failed half-way is not trained; restored, the engine starts again. */
  void check_torn(Engine& engine) {
    bool refused = false;
    try {
      engine.update(update_of({}));
    } catch (const Error& error) {
      refused = error.code() == Code::internal;
    }
    expect(refused, "an update was made of a micro-batch that had failed");
    engine.restore(Progress{});
  }

  const ModelSpec spec;
  const DType dtype;
  const Method method;
  const std::string path;
};

void check_faults(DType dtype, Method method) {
  const Files files;
  ModelSpec spec = rotary();
  spec.layers = 1;
  Run whole(spec, dtype, method, files.path);
  whole(0);
  const Weights expected = whole.weights;
  const char* every = std::getenv("ATTUNE_FAULTS");
  const int64_t stride = every ? 1 : 17;
  int64_t n = 1, failures = 0;
  for (; whole(n); n += stride, ++failures)
    expect(whole.weights == expected,
           "after allocation " + std::to_string(n) + " failed the weights differ");
  expect(n > 50, "only " + std::to_string(n) + " allocations");
  if (every)
    std::printf("    %lld allocations failed, one at a time\n", static_cast<long long>(failures));
}

TEST(memory_faults) {
  run("lora bfloat16", [] { check_faults(DType::bf16, Method::lora); });
  run("full float32", [] { check_faults(DType::f32, Method::full); });
  // Else a failure there is taken for one of a micro-batch that has begun.
  run("a batch is looked over without any", [] {
    const ModelSpec spec = rotary();
    const Batch batch = batch_of(spec, kTokens);
    countdown = 1;
    validate(batch, spec, kTokens);
    const bool none = countdown.exchange(0) == 1;
    expect(none, "memory was taken");
  });
}

}  // namespace
}  // namespace attune::test
