#include "backend/cuda/lt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "core/error.h"

namespace attune::cuda {

namespace {

// Where the toolkit's installer leaves it, the folder is often not one that the linker searches.
const char* const kPlaces[] = {"libcublasLt.so.13", "/usr/local/cuda/lib64/libcublasLt.so.13",
                               "libcublasLt.so.12", "/usr/local/cuda/lib64/libcublasLt.so.12"};

void* open_library() {
  const char* chosen = std::getenv("ATTUNE_CUBLAS");
  std::vector<const char*> places(std::begin(kPlaces), std::end(kPlaces));
  if (chosen && *chosen) places = {chosen};
  std::string reason;
  for (const char* place : places) {
    if (void* library = dlopen(place, RTLD_NOW | RTLD_LOCAL)) return library;
    const char* why = dlerror();
    reason += (reason.empty() ? "" : "; ") + std::string(why ? why : place);
  }
  throw Error(Code::device, "cublasLt",
              "cuBLASLt is not there (" + reason +
                  "); install libcublas of the CUDA toolkit, or the Python package nvidia-cublas "
                  "and set ATTUNE_CUBLAS to the path of its libcublasLt.so");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  check(function != nullptr, Code::device, "cublasLt",
        std::string("this cuBLASLt is too old, it lacks ") + name);
}

Lt load() {
  void* library = open_library();
  Lt lt{};
  find(library, "cublasLtCreate", lt.create);
  find(library, "cublasLtDestroy", lt.destroy);
  find(library, "cublasLtGetVersion", lt.version);
  find(library, "cublasLtGetStatusString", lt.status_string);
  find(library, "cublasLtMatmul", lt.matmul);
  find(library, "cublasLtMatmulAlgoGetHeuristic", lt.heuristic);
  find(library, "cublasLtMatmulDescCreate", lt.operation_create);
  find(library, "cublasLtMatmulDescDestroy", lt.operation_destroy);
  find(library, "cublasLtMatmulDescSetAttribute", lt.operation_set);
  find(library, "cublasLtMatrixLayoutCreate", lt.layout_create);
  find(library, "cublasLtMatrixLayoutDestroy", lt.layout_destroy);
  find(library, "cublasLtMatmulPreferenceCreate", lt.preference_create);
  find(library, "cublasLtMatmulPreferenceDestroy", lt.preference_destroy);
  find(library, "cublasLtMatmulPreferenceSetAttribute", lt.preference_set);
  return lt;
}

}  // namespace

const Lt& lt() {
  static const Lt loaded = load();  // tried again where it threw
  return loaded;
}

std::string lt_version() {
  const size_t version = lt().version();  // 130101 is 13.1.1
  return "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

}  // namespace attune::cuda
