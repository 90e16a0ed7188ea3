// What a device is, for people and for the choice between devices.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace attune {

struct DeviceInfo {
  std::string id;                 // what EngineOptions::device takes: "cpu", "cuda:0"
  std::string kind;               // "cpu" or "cuda"
  std::string name;               // as the device calls itself
  std::vector<std::string> isas;  // instruction sets it can run, best last; a GPU's is "sm_90"
  std::string isa;                // the one in use; ATTUNE_ISA forces a lower one
  std::string product;            // "oneDNN 2.6.3", "built-in", "cuBLASLt 13.1.1"
  bool bfloat16 = false;          // bfloat16 products run in hardware
  int threads = 1;                // of the processor; a GPU's multiprocessors
  uint64_t memory = 0;            // bytes
};

}  // namespace attune
