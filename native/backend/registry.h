// The devices of this machine. The only place that knows which back ends exist.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/device_info.h"

namespace attune {

/** The processor, then the GPUs that can be used. */
std::vector<DeviceInfo> devices();

/** Why no GPU can be used; "" where one can. */
std::string cuda_absence();

/**
 * `device`: "cpu", "cuda" (the first GPU), or "cuda:1". `tf32`: a GPU may round the inputs of
 * float32 products to TF32. Throws Code::device for anything this machine cannot run.
 */
std::unique_ptr<Backend> make_backend(const std::string& device, bool tf32);

}  // namespace attune
