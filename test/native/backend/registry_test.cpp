#include "backend/registry.h"

#include <cstdlib>

#include "backend/cpu/host.h"
#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

/** Sets a variable of the environment for the length of a scope. */
struct Variable {
  Variable(const char* name, const std::string& value) : name(name) {
    const char* old = std::getenv(name);
    present = old != nullptr;
    if (present) before = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { present ? setenv(name, before.c_str(), 1) : unsetenv(name); }
  const char* name;
  std::string before;
  bool present;
};

void expect_code(Code code, const std::function<void()>& action) {
  try {
    action();
    fail("accepted");
  } catch (const Error& error) {
    expect(error.code() == code, std::string("refused as ") + code_name(error.code()));
  }
}

TEST(registry) {
  run("the processor", [] {
    const DeviceInfo cpu = devices().front();
    expect(cpu.kind == "cpu" && !cpu.name.empty() && cpu.threads > 0 && cpu.memory > 0, "fields");
    size_t processors = 0;
    for (const NamedBackend& b : backends()) processors += b.processor != nullptr;
    if (!std::getenv("ATTUNE_DEVICES")) expect(cpu.isas.size() == processors, "instruction sets");
  });
  for (const NamedBackend& b : backends()) {
    if (!b.processor) continue;
    run("ATTUNE_ISA=" + b.isa, [&] {
      const Variable forced("ATTUNE_ISA", b.isa);
      const DeviceInfo cpu = devices().front();
      expect(cpu.isa == b.isa, "in use: " + cpu.isa);
      expect(!cpu.bfloat16 || b.isa == "avx512", "bfloat16 without AVX-512");
    });
  }
  run("an unknown instruction set", [] {
    const Variable forced("ATTUNE_ISA", "avx1024");
    expect_code(Code::config, [] { devices(); });
  });
  run("GPUs switched off", [] {
    const Variable off("ATTUNE_CUDA", "0");
    expect(devices().size() == 1, "the processor alone");
    expect(cuda_absence() == "switched off by ATTUNE_CUDA=0", cuda_absence());
    for (const char* device : {"cuda", "cuda:0", "cuda:99", "cuda:"})
      expect_code(Code::device, [&] { make_backend(device, false); });
  });
  run("GPUs", [] {
    const std::vector<DeviceInfo> all = devices();
    expect(cuda_absence().empty() == (all.size() > 1), "a reason, or a GPU");
    for (size_t i = 1; i < all.size(); ++i)
      expect(all[i].kind == "cuda" && all[i].bfloat16 && all[i].memory > 0, all[i].id);
    expect_code(Code::device, [] { make_backend("cuda:99", false); });
  });
  run("an unknown device",
      [] { expect_code(Code::device, [] { make_backend("abacus", false); }); });
}

TEST(memory) {
  Backend& backend = *backends().front().backend;
  run("aligned and zeroed", [&] {
    for (size_t bytes : {size_t{0}, size_t{1}, size_t{65}, size_t{5} << 20}) {
      auto* memory = static_cast<uint8_t*>(backend.allocate(bytes));
      expect(reinterpret_cast<uintptr_t>(memory) % 64 == 0, "not aligned");
      for (size_t i = 0; i < bytes; ++i) expect(memory[i] == 0, "not zeroed");
      backend.release(memory);
    }
  });
  run("too much", [&] {
    expect_code(Code::memory, [&] { backend.allocate(size_t{1} << 60); });
    expect_code(Code::memory, [&] { backend.allocate(~size_t{0}); });
  });
}

}  // namespace
}  // namespace attune::test
