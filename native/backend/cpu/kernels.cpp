#include "backend/cpu/kernels.h"

namespace attune {
namespace ATTUNE_ISA {

HostBackend* make_kernels() { return new Kernels; }

}  // namespace ATTUNE_ISA
}  // namespace attune
