#include "tools/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"

namespace attune {

namespace {

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/** The larger; NaN wins. */
double most(double a, double b) { return std::isnan(b) || b > a ? b : a; }

/** Collects the calls of a step until its update. */
struct Sums {
  double loss = 0;
  int64_t trained = 0, tokens = 0;

  void add(const BatchSums& sums, int64_t size) {
    loss += sums.loss;
    trained += sums.tokens;
    tokens += size;
  }
  Step step(const UpdateResult& result) const {
    Step step;
    step.loss = loss / static_cast<double>(trained);
    step.grad_norm = result.grad_norm;
    step.applied = result.applied;
    step.tokens = tokens;
    return step;
  }
};

/** Makes one call after another. */
class Player {
 public:
  Player(Engine& engine, Backend& backend, MemoryMeter& meter, Replay& result)
      : engine_(engine), backend_(backend), meter_(meter), result_(result) {}

  void operator()(const LoadCall& call) {
    engine_.load(call.reads);
    meter_.restart();
  }
  void operator()(const RestoreCall& call) { engine_.restore(call.progress); }
  void operator()(const AccumulateCall& call) {
    if (began_ == 0) began_ = now();
    const int64_t size = call.batch.size();
    recorded_.add(call.sums, size);
    replayed_.add(engine_.accumulate(call.batch), size);
  }
  void operator()(const UpdateCall& call) {
    result_.recorded.push_back(recorded_.step(call.result));
    Step step = replayed_.step(engine_.update(call.options));
    backend_.synchronize();
    const double ended = now();
    step.seconds = ended - began_;
    result_.replayed.push_back(step);
    recorded_ = replayed_ = {};
    meter_.look(result_.plan);
    began_ = now();
  }

 private:
  Engine& engine_;
  Backend& backend_;
  MemoryMeter& meter_;
  Replay& result_;
  Sums recorded_, replayed_;
  double began_ = 0;
};

}  // namespace

double Replay::loss_difference() const {
  double largest = 0;
  for (size_t i = 0; i < recorded.size(); ++i)
    largest = most(largest, std::fabs(replayed[i].loss - recorded[i].loss));
  return largest;
}

double Replay::loss_distance() const {
  double sum = 0;
  for (size_t i = 0; i < recorded.size(); ++i)
    sum += std::pow(replayed[i].loss - recorded[i].loss, 2);
  return std::sqrt(sum / static_cast<double>(std::max<size_t>(1, recorded.size())));
}

double Replay::norm_difference() const {
  double largest = 0;
  for (size_t i = 0; i < recorded.size(); ++i) {
    const double expected = recorded[i].grad_norm, difference = replayed[i].grad_norm - expected;
    largest = most(largest, difference == 0 ? 0 : std::fabs(difference / expected));
  }
  return largest;
}

bool Replay::equal() const {
  for (size_t i = 0; i < recorded.size(); ++i) {
    const Step &a = recorded[i], &b = replayed[i];
    if (a.loss != b.loss || a.grad_norm != b.grad_norm || a.applied != b.applied) return false;
  }
  return true;
}

double Replay::tokens_per_second() const {
  const size_t first = std::min<size_t>(2, replayed.size() - 1);
  double seconds = 0;
  int64_t tokens = 0;
  for (size_t i = first; i < replayed.size(); ++i) {
    seconds += replayed[i].seconds;
    tokens += replayed[i].tokens;
  }
  return static_cast<double>(tokens) / seconds;
}

Replay replay(const Record& record, const std::string& device, DType dtype, int64_t steps) {
  EngineOptions options = record.options;
  options.device = device;
  options.dtype = dtype;
  std::unique_ptr<Backend> made = device_backend(device, options.tf32);
  Backend& backend = *made;
  MemoryMeter meter(device, backend);
  Engine engine(record.spec, options, std::move(made));
  Replay result;
  result.plan = engine.plan();
  Player player(engine, backend, meter, result);
  for (const Call& call : record.calls) {
    if (steps >= 0 && static_cast<int64_t>(result.replayed.size()) == steps) break;
    std::visit(player, call);
  }
  check(!result.replayed.empty(), Code::data, "replay", "the record has no step");
  result.peak = meter.peak();
  result.peak_source = meter.source();
  return result;
}

}  // namespace attune
