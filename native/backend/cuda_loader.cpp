#include "backend/cuda_loader.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace attune {

namespace {

constexpr const char* kName = "libattune_cuda.so";

CudaLibrary absent(const std::string& reason) {
  CudaLibrary none;
  none.absence = reason;
  return none;
}

/** The library's path: beside the file that this function was loaded from. */
std::string library_path() {
  const char* chosen = std::getenv("ATTUNE_CUDA_LIBRARY");
  if (chosen && *chosen) return chosen;
  Dl_info here;
  if (dladdr(reinterpret_cast<const void*>(&library_path), &here) == 0 || !here.dli_fname)
    return kName;
  const std::string file = here.dli_fname;
  const size_t slash = file.rfind('/');
  return (slash == std::string::npos ? "./" : file.substr(0, slash + 1)) + kName;
}

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

CudaLibrary load_cuda_library() {
  const char* wanted = std::getenv("ATTUNE_CUDA");
  if (wanted && std::strcmp(wanted, "0") == 0) return absent("switched off by ATTUNE_CUDA=0");
  if (!*cuda::kInterface)
    return absent("this addon was built by node-gyp, without GPUs: npm run build uses CMake");
  if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL))
    return absent("there is no NVIDIA driver (libcuda.so.1)");

  const std::string path = library_path();
  if (access(path.c_str(), F_OK) != 0)
    return absent("the GPU library is not built (no " + path +
                  "); it takes nvcc and the headers of cuBLAS: npm run build says what is missing");
  void* file = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!file) {
    const char* why = dlerror();
    return absent("the GPU library does not load: " + std::string(why ? why : path));
  }
  cuda::Version version = nullptr;
  if (!find(file, cuda::kVersionName, version)) {
    dlclose(file);
    return absent(path + " is no GPU library of attune");
  }
  if (std::strcmp(version(), cuda::kInterface) != 0) {
    const std::string built = version();
    dlclose(file);
    return absent(path + " was built for version " + built + ", this is " + cuda::kInterface +
                  "; build both together: npm run build");
  }
  CudaLibrary library;
  if (!find(file, cuda::kDevicesName, library.devices) ||
      !find(file, cuda::kMakeBackendName, library.make_backend)) {
    return absent(path + " lacks a function");
  }
  return library;
}

}  // namespace attune
