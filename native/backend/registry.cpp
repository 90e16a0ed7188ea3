#include "backend/registry.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "backend/cpu/host.h"
#include "backend/cuda_loader.h"
#include "core/error.h"
#ifdef _OPENMP
#include <omp.h>
#endif

namespace attune {

namespace portable {
HostBackend* make_kernels();
}
#ifdef ATTUNE_X86
namespace avx2 {
HostBackend* make_kernels();
}
namespace avx512 {
HostBackend* make_kernels();
}
#endif

Backend::~Backend() = default;

namespace {

std::vector<std::string> supported_isas() {
  std::vector<std::string> isas = {"portable"};
#ifdef ATTUNE_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isas.push_back("avx2");
  if (isas.size() == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    isas.push_back("avx512");
  }
#endif
  return isas;
}

/** The best instruction set, or the one that ATTUNE_ISA asks for. */
std::string chosen_isa(const std::vector<std::string>& isas) {
  const char* forced = std::getenv("ATTUNE_ISA");
  if (!forced || !*forced) return isas.back();
  std::string names;
  for (const std::string& isa : isas) {
    if (isa == forced) return isa;
    names += (names.empty() ? "" : ", ") + isa;
  }
  throw Error(Code::config, "ATTUNE_ISA",
              std::string("this machine has no '") + forced + "'; it has " + names);
}

/** A field of /proc/cpuinfo, of the first processor that has it. */
std::string cpuinfo(const char* field) {
  std::ifstream file("/proc/cpuinfo");
  const size_t length = std::strlen(field);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, length, field) != 0) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

bool has_bfloat16() {
  const std::string flags = " " + cpuinfo("flags") + " ";
  return flags.find(" avx512_bf16 ") != std::string::npos ||
         flags.find(" amx_bf16 ") != std::string::npos;
}

int thread_count() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

DeviceInfo processor() {
  DeviceInfo cpu;
  cpu.id = "cpu";
  cpu.kind = "cpu";
  cpu.name = cpuinfo("model name");
  if (cpu.name.empty()) cpu.name = "unknown processor";
  cpu.isas = supported_isas();
  cpu.isa = chosen_isa(cpu.isas);
  const char* version = onednn_version();
  cpu.product = *version ? version : "built-in";
  cpu.bfloat16 = cpu.isa == "avx512" && *version && has_bfloat16();
  cpu.threads = thread_count();
  cpu.memory = host_memory();
  return cpu;
}

/** The GPUs that can be used, or why there are none. */
struct Gpus {
  CudaLibrary library = load_cuda_library();
  std::vector<DeviceInfo> all;
  std::string absence = library.absence;

  Gpus() {
    if (library.devices) library.devices(&all, &absence);
    if (!all.empty()) absence.clear();
  }
};

std::unique_ptr<Backend> make_gpu(const std::string& device, bool tf32) {
  const Gpus gpus;
  std::string names;
  for (const DeviceInfo& gpu : gpus.all) {
    if (device == "cuda" || device == gpu.id) {
      const int ordinal = std::stoi(gpu.id.substr(gpu.id.find(':') + 1));
      return std::unique_ptr<Backend>(gpus.library.make_backend(ordinal, tf32));
    }
    names += ", " + gpu.id;
  }
  throw Error(Code::device, "make_backend",
              gpus.all.empty() ? "no GPU can be used: " + gpus.absence
                               : "no " + device + " can be used here; there are cpu" + names);
}

std::unique_ptr<Backend> make_processor() {
  const std::string isa = chosen_isa(supported_isas());
  onednn_limit_isa(isa.c_str());
#ifdef ATTUNE_X86
  if (isa == "avx512") return std::unique_ptr<Backend>(avx512::make_kernels());
  if (isa == "avx2") return std::unique_ptr<Backend>(avx2::make_kernels());
#endif
  return std::unique_ptr<Backend>(portable::make_kernels());
}

}  // namespace

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all = Gpus().all;
  all.insert(all.begin(), processor());
  return all;
}

std::string cuda_absence() { return Gpus().absence; }

std::unique_ptr<Backend> make_backend(const std::string& device, bool tf32) {
  if (device == "cpu") return make_processor();
  check(device == "cuda" || device.rfind("cuda:", 0) == 0, Code::device, "make_backend",
        "no device is called '" + device + "'; there are cpu, cuda and cuda:N");
  return make_gpu(device, tf32);
}

}  // namespace attune
