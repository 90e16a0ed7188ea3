// What adapters cost on a GPU, by a model of what must be moved and multiplied
// (bench/gpu/ledger.h).
#include "harness.h"
#include "ledger.h"

namespace attune::test {
namespace {

#ifndef __SANITIZE_ADDRESS__  // which would look at the addresses
TEST(adapter_cost) {
  using namespace attune::bench;
  const AdapterCost cost = adapter_cost("llama-3.1-8b", 16, 4096, hopper_facts());
  run("the products of a layer", [&] {
    const double weights = 4096.0 * (6144 + 4096 + 2 * 14336 + 14336);
    expect(cost.bare.operations == 2.0 * 2 * 4096 * weights,
           "both passes, two operations a weight");
    expect(cost.bare.parts == 0, "no parts without adapters");
  });
  run("rank 16 at 4,096 tokens", [&] {
    expect(cost.share(kH200) <= 0.03, "H200: " + std::to_string(cost.share(kH200)));
    expect(cost.share(kH100) <= 0.039, "H100: " + std::to_string(cost.share(kH100)));
    // What the table of docs/kernels.md says.
    const double added = cost.adapted.bytes - cost.bare.bytes;
    expect(added > 423e6 && added < 425e6, std::to_string(added) + " bytes are added");
  });
}
#endif

}  // namespace
}  // namespace attune::test
