// attune_gpu_bench ceilings | step | adapters [--name value …]: measures a device without Node, and
// prints one JSON object.
//
//   ceilings --device cuda
//   step     --device cuda --shape llama-3.1-8b --rank 16 --length 4096 --tokens 16384
//            --micro-batches 1 --steps 10 --layers 0 --parts 1
//   adapters --device cuda --shape llama-3.1-8b --rank 16 --tokens 8192
//
// `rank` 0 trains every weight; `layers` above 0 replaces the shape's own. Weights and tokens are
// random. Where a step does not fit, it ends with code 3, so that a script may ask for less.
#include <cstdio>
#include <exception>

#include "core/error.h"
#include "measure.h"
#include "tools/arguments.h"
#include "tools/device.h"

namespace attune::bench {
namespace {

Json run(const Arguments& arguments) {
  const std::string device = arguments.text("device", "cuda");
  const std::string command = arguments.words().size() == 1 ? arguments.words()[0] : "";
  if (command == "ceilings") {
    const Ceilings ceilings = measure_ceilings(device, *device_backend(device, false));
    Json json = Json::object();
    json.set("device", describe_device(device));
    json.set("product_tflops", ceilings.product / 1e12);
    return json.set("copy_gbps", ceilings.bandwidth / 1e9);
  }
  const std::string shape = arguments.text("shape", "llama-3.1-8b");
  if (command == "adapters")
    return measure_adapters(device, shape, arguments.integer("rank", 16),
                            arguments.integer("tokens", 8192));
  check(command == "step", Code::config, "arguments", "give one of ceilings, step, adapters");
  StepRequest request;
  request.device = device;
  request.shape = shape;
  request.rank = arguments.integer("rank", request.rank);
  request.length = arguments.integer("length", request.length);
  request.tokens = arguments.integer("tokens", request.tokens);
  request.micro_batches = arguments.integer("micro-batches", request.micro_batches);
  request.steps = arguments.integer("steps", request.steps);
  request.layers = arguments.integer("layers", request.layers);
  request.parts = arguments.integer("parts", 1) != 0;
  for (const int64_t value : {request.length, request.tokens, request.micro_batches, request.steps})
    check(value > 0, Code::config, "arguments", "lengths and counts are 1 or more");
  return measure_step(request);
}

}  // namespace
}  // namespace attune::bench

int main(int argc, char** argv) {
  try {
    const attune::Arguments arguments(argc, argv,
                                      {"device", "shape", "rank", "length", "tokens",
                                       "micro-batches", "steps", "layers", "parts"});
    std::printf("%s\n", attune::bench::run(arguments).text().c_str());
    return 0;
  } catch (const attune::Error& error) {
    std::fprintf(stderr, "attune_gpu_bench: %s\n", error.what());
    return error.code() == attune::Code::memory ? 3 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attune_gpu_bench: %s\n", error.what());
    return 1;
  }
}
