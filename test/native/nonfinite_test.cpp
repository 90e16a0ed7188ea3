// A number that is not finite, wherever a step may meet one, reaches no weight and no moment.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "models.h"
#include "poison.h"

namespace attune::test {
namespace {

constexpr int64_t kTokens = 24;

/** Every float32 number that a step may change. */
std::vector<float> state_of(Engine& engine) {
  std::vector<float> all;
  for (const Parameter* parameter : engine.parameters().trained())
    for (Part part : {Part::value, Part::first, Part::second}) {
      const std::vector<float> values = engine.read(parameter->name, part);
      all.insert(all.end(), values.begin(), values.end());
    }
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

/** Every `stride`th write of a step, forward and backward. */
void check_writes(const std::string& device, const ModelSpec& spec, DType dtype, Method method,
                  int64_t stride) {
  const auto spoil = std::make_shared<Spoil>();
  Engine engine(spec, options_for(spec, dtype, method, kTokens),
                std::make_unique<Poison>(backend_of(device), spoil));
  fill(engine);
  const Batch batch = batch_of(spec, kTokens);
  UpdateOptions options;
  options.learning_rate = 1e-3;
  const auto step = [&] {
    options.tokens = static_cast<double>(engine.accumulate(batch).tokens);
    return engine.update(options);
  };
  spoil->writes = 0;
  expect(step().applied, "a healthy step is applied");
  const int64_t writes = spoil->writes;
  expect(writes > 20, "a step writes");
  int64_t skipped = 0, tried = 0;
  const float infinity = std::numeric_limits<float>::infinity();
  for (int64_t at = 0; at < writes; at += stride)
    for (float value : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
      const std::vector<float> before = state_of(engine);
      const Progress progress = engine.progress();
      *spoil = {at, value, 0};
      const bool applied = step().applied;
      spoil->at = -1;
      const std::vector<float> after = state_of(engine);
      const std::string where = std::to_string(value) + " in write " + std::to_string(at);
      ++tried;
      if (!applied) {
        ++skipped;
        expect(same_bits(before, after), where + ": a step without an update changed something");
        expect(engine.progress().updates == progress.updates, where + ": it was counted");
      } else {
        // It met a number that nothing depends on.
        expect(finite(after), where + ": it reached the weights");
      }
      expect(step().applied, where + ": the step after it is not applied");
    }
  expect(skipped > tried / 2, "most of what is spoilt shows");
}

/** A parameter that holds such a number: loaded so, or spoilt in memory. */
void check_parameters(const std::string& device, const ModelSpec& spec, DType dtype,
                      Method method) {
  Engine engine(spec, options_for(spec, dtype, method, kTokens), backend_of(device));
  const Batch batch = batch_of(spec, kTokens);
  for (const Parameter* spoilt : engine.parameters().trained()) {
    fill(engine);
    float* const place = spoilt->master;
    *place = std::numeric_limits<float>::quiet_NaN();
    std::vector<TensorWrite> writes{{spoilt->name, 0, DType::f32, Part::value}};
    try {
      engine.snapshot({}, writes);
      fail(spoilt->name + ": a snapshot was made of it");
    } catch (const Error& error) {
      expect(error.code() == Code::non_finite, error.what());
    }
    *place = 0;
  }
}

/** 1: every write; the tests of every day take a part of them, of the slow host layer a small one.
 */
int64_t stride_of(const std::string& device) {
  if (device == "cuda-host") return 89;
  return std::getenv("ATTUNE_EVERY") ? 1 : 5;
}

TEST(nonfinite) {
  for (const std::string& device : device_names())
    for (const Shape& shape : shapes())
      for (DType dtype : {DType::f32, DType::bf16})
        for (Method method : {Method::full, Method::lora}) {
          const std::string what = std::string(shape.name) + " " + dtype_name(dtype) +
                                   (method == Method::full ? " full " : " lora ") + device;
          const bool slow = device == "cuda-host";
          if (!slow ||
              (&shape == &shapes()[0] && (dtype == DType::bf16) == (method == Method::lora)))
            run("write " + what,
                [&] { check_writes(device, shape.spec, dtype, method, stride_of(device)); });
          if (device == "cpu")
            run("snapshot " + what, [&] { check_parameters(device, shape.spec, dtype, method); });
        }
}

}  // namespace
}  // namespace attune::test
