// The devices of this machine. The only place that knows which back ends exist.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace attune {

struct DeviceInfo {
  std::string kind;               // "cpu"
  std::string name;               // as the processor calls itself
  std::vector<std::string> isas;  // instruction sets this machine can run, best last
  std::string isa;                // the one in use; ATTUNE_ISA forces a lower one
  std::string product;            // "oneDNN 2.6.3" or "built-in"
  bool bfloat16 = false;          // bfloat16 products run in hardware
  int threads = 1;
  uint64_t memory = 0;  // bytes
};

std::vector<DeviceInfo> devices();

/** `device`: "cpu". Throws Code::device for anything this machine cannot run. */
std::unique_ptr<Backend> make_backend(const std::string& device);

}  // namespace attune
