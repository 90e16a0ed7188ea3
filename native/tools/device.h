// What the programs share about the device they run on.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "engine.h"
#include "tools/json.h"

namespace attune {

/** As the registry makes it; "cuda-host", the CUDA kernels on the processor, where it is built in.
 */
std::unique_ptr<Backend> device_backend(const std::string& device, bool tf32);

/** Id, name, instruction set and product of `device`. */
Json describe_device(const std::string& device);

Json describe_plan(const MemoryPlan& plan);

/** Bytes in use: of the device's memory where it has one of its own, else this process's peak. */
class MemoryMeter {
 public:
  MemoryMeter(const std::string& device, Backend& backend);

  /** Forgets what the process had for a while only, such as files being read. */
  void restart();

  /** Looks again; call after each step. */
  void look(const MemoryPlan&);

  /**
   * The most that was seen, comparable with MemoryPlan::total: of a GPU everything in use on it,
   * as its driver reports it; of the processor what this process has.
   */
  uint64_t peak() const { return peak_; }
  /** Where `peak` comes from. */
  std::string source() const;

 private:
  Backend& backend_;
  const std::string device_;
  uint64_t peak_ = 0;
};

}  // namespace attune
