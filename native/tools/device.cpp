#include "tools/device.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#ifdef ATTUNE_CUDA_HOST
#include "backend/cuda/cuda_backend.h"
#endif

namespace attune {

namespace {

/** A line of /proc/self/status in bytes; 0 where there is none. */
uint64_t status(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, field.size() + 1, field + ":") == 0)
      return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10) << 10;
  return 0;
}

}  // namespace

std::unique_ptr<Backend> device_backend(const std::string& device, bool tf32) {
#ifdef ATTUNE_CUDA_HOST
  if (device == "cuda-host") return cuda::make_backend(0, tf32);
#endif
  return make_backend(device, tf32);
}

Json describe_device(const std::string& device) {
  Json json = Json::object();
  json.set("id", device);
  for (const DeviceInfo& info : devices()) {
    if (info.id != device && info.kind != device) continue;
    json.set("name", info.name).set("isa", info.isa).set("product", info.product);
    json.set("threads", info.threads).set("memory", info.memory);
    break;
  }
  return json;
}

Json describe_plan(const MemoryPlan& plan) {
  Json json = Json::object();
  json.set("weights", plan.weights).set("adapters", plan.adapters);
  json.set("gradients", plan.gradients).set("optimizer", plan.optimizer);
  json.set("activations", plan.activations).set("scratch", plan.scratch);
  json.set("device", plan.device).set("total", plan.total());
  return json.set("recomputed_layers", plan.recomputed_layers);
}

MemoryMeter::MemoryMeter(const std::string& device, Backend& backend)
    : backend_(backend), device_(device) {}

void MemoryMeter::restart() {
  peak_ = 0;
  if (device_ == "cpu") std::ofstream("/proc/self/clear_refs") << "5\n";  // VmHWM becomes VmRSS
}

void MemoryMeter::look(const MemoryPlan& plan) {
  const uint64_t now =
      device_ == "cpu" ? status("VmHWM") : backend_.taken() + plan.total() - plan.device;
  peak_ = std::max(peak_, now);
}

std::string MemoryMeter::source() const {
  return device_ == "cpu" ? "VmHWM of this process"
                          : "in use on the device, as its driver reports it";
}

}  // namespace attune
