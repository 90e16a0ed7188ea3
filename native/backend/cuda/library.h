// The entry points of libattune_cuda.so, the only names it exports. The registry calls the version
// first, and the others only where it is its own: the two share C++ types.
#pragma once
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/device_info.h"

namespace attune::cuda {

/** The package's version and a hash of the headers that the library shares with the addon. */
#ifdef ATTUNE_INTERFACE
constexpr const char* kInterface = ATTUNE_INTERFACE;
#else
constexpr const char* kInterface = "";  // this build has no CUDA library
#endif

using Version = const char* (*)();
/** Appends the GPUs that can be used to `devices`; where there are none, says why. */
using Devices = void (*)(std::vector<DeviceInfo>* devices, std::string* reason);
/** Throws Code::device or Code::memory. */
using MakeBackend = Backend* (*)(int device, bool tf32);

constexpr const char* kVersionName = "attune_cuda_version";
constexpr const char* kDevicesName = "attune_cuda_devices";
constexpr const char* kMakeBackendName = "attune_cuda_make_backend";

}  // namespace attune::cuda
