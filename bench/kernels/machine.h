// What this machine can do at most: the yardsticks of the kernel benchmark.
#pragma once

namespace attune::bench {

/** Seconds; of processor time where there is one thread, so that other programs disturb less. */
double now();

/** Fused multiply-adds of the widest registers on every thread, in GFLOP/s. */
double peak_gflops();

/** Copying memory that no cache holds, on every thread, in GB/s read and written. */
double copy_bandwidth();

}  // namespace attune::bench
