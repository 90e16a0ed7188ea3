// attune_replay RECORD [--device cpu|cuda|cuda:N] [--dtype float32|bfloat16] [--steps N]
//               [--loss X] [--distance X] [--norm X] [--plan X] [--exact true]
//
// Runs a record again without Node and prints one JSON object. Ends with 0 where every step is
// within the tolerances, 1 where one is not, 2 where the request or the record is wrong. `loss` is
// the largest difference allowed, `distance` the root mean square of all, `norm` the largest
// relative difference of the gradient norms, `plan` that of the memory in use from the plan.
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>

#include "core/error.h"
#include "tools/arguments.h"
#include "tools/replay.h"

namespace attune {
namespace {

constexpr double kAny = std::numeric_limits<double>::infinity();

DType dtype_of(const std::string& name) {
  check(name == "float32" || name == "bfloat16", Code::config, "arguments",
        "--dtype is float32 or bfloat16, not " + name);
  return name == "float32" ? DType::f32 : DType::bf16;
}

std::vector<double> column(const std::vector<Step>& steps, double Step::*field) {
  std::vector<double> values;
  for (const Step& step : steps) values.push_back(step.*field);
  return values;
}

/** Adds a measure and its tolerance; returns whether it is within. */
bool judge(Json& json, const char* name, double value, double tolerance) {
  json.set(name, value);
  if (tolerance < kAny) json.set(std::string(name) + "_tolerance", tolerance);
  return tolerance == kAny || value <= tolerance;  // NaN is not
}

int run(const Arguments& arguments) {
  check(arguments.words().size() == 1, Code::config, "arguments", "give one record");
  const std::string dir = arguments.words()[0], device = arguments.text("device", "cpu");
  const Record record = read_record(dir);
  const DType recorded = record.options.dtype;
  const DType dtype = dtype_of(arguments.text("dtype", dtype_name(recorded)));
  const bool exact = arguments.text("exact", "false") == "true";
  const Replay result = replay(record, device, dtype, arguments.integer("steps", -1));

  Json json = Json::object();
  json.set("record", dir).set("device", describe_device(device));
  json.set("recorded_on", record.options.device).set("recorded_dtype", dtype_name(recorded));
  json.set("dtype", dtype_name(dtype)).set("steps", result.replayed.size());
  json.set("equal", result.equal());
  const bool single = dtype == DType::f32;
  bool passed = !exact || result.equal();
  passed &= judge(json, "loss_difference", result.loss_difference(),
                  arguments.number("loss", single ? 1e-4 : 5e-2));
  passed &=
      judge(json, "loss_distance", result.loss_distance(), arguments.number("distance", kAny));
  passed &= judge(json, "norm_difference", result.norm_difference(),
                  arguments.number("norm", single ? 1e-3 : 3e-1));
  const auto planned = static_cast<double>(result.plan.total());
  const double off = std::fabs(static_cast<double>(result.peak) / planned - 1);
  passed &= judge(json, "plan_difference", off, arguments.number("plan", kAny));
  json.set("peak", result.peak).set("peak_source", result.peak_source);
  json.set("plan", describe_plan(result.plan));
  json.set("tokens_per_second", result.tokens_per_second());
  json.set("loss", column(result.replayed, &Step::loss));
  json.set("grad_norm", column(result.replayed, &Step::grad_norm));
  json.set("recorded_loss", column(result.recorded, &Step::loss));
  json.set("recorded_grad_norm", column(result.recorded, &Step::grad_norm));
  json.set("passed", passed);
  std::printf("%s\n", json.text().c_str());
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace attune

int main(int argc, char** argv) {
  try {
    return attune::run(
        {argc, argv, {"device", "dtype", "steps", "loss", "distance", "norm", "plan", "exact"}});
  } catch (const attune::Error& error) {
    std::fprintf(stderr, "attune_replay: %s\n", error.what());
    const attune::Code code = error.code();
    return code == attune::Code::device || code == attune::Code::memory ? 1 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attune_replay: %s\n", error.what());
    return 1;
  }
}
