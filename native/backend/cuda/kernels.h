// The ops of the CUDA back end, one .cu file each. Contracts: native/ops. Every function only
// launches: it allocates nothing, waits for nothing, and holds no state.
#pragma once
#include "backend/backend.h"
#include "backend/cuda/runtime.h"

namespace attune::cuda {

/** Whether `thin_product` serves these: bfloat16 a^T b over many rows, one side of c at most 64. */
bool is_thin_product(const MatmulArgs&);
void thin_product(Runtime&, const MatmulArgs&);  // thin_product.cu
/** False where the kernel does not serve these: types, alignment, more than 64 columns, few rows.
 */
bool adapter_backward(Runtime&, const AdapterBackwardArgs&);      // adapter.cu
void column_sum(Runtime&, const ColumnSumArgs&);                  // column_sum.cu
void embedding(Runtime&, const EmbeddingArgs&);                   // embedding.cu
void embedding_backward(Runtime&, const EmbeddingBackwardArgs&);  // embedding.cu
void gather_rows(Runtime&, const GatherRowsArgs&);                // embedding.cu
void scatter_rows(Runtime&, const ScatterRowsArgs&);              // embedding.cu
void norm(Runtime&, const NormArgs&);                             // norm.cu
void norm_backward(Runtime&, const NormBackwardArgs&);            // norm_backward.cu
void add(Runtime&, const AddArgs&);                               // elementwise.cu
void cast(Runtime&, const CastArgs&);                             // elementwise.cu
void dropout(Runtime&, const DropoutArgs&);                       // elementwise.cu
void rope(Runtime&, const RopeArgs&);                             // rope.cu
void attention(Runtime&, const AttentionArgs&);                   // attention.cu
void attention_backward(Runtime&, const AttentionBackwardArgs&);  // attention_backward.cu
size_t attention_backward_scratch(int64_t tokens, int64_t heads, int64_t head_size);
void activation(Runtime&, const ActivationArgs&);                   // activation.cu
void activation_backward(Runtime&, const ActivationBackwardArgs&);  // activation.cu
/** The same with adapters; false as above, and where the activation is plain or an adapter absent.
 */
bool activation_low(Runtime&, const ActivationArgs&);  // activation_adapter.cu
bool activation_backward_adapters(Runtime&,
                                  const ActivationBackwardArgs&);  // activation_adapter.cu
void cross_entropy(Runtime&, const CrossEntropyArgs&);             // cross_entropy.cu
/** Writes float64 sums to `result` on the device. */
void sums(Runtime&, const SumsArgs&, double* result);             // reduce.cu
void square_sum(Runtime&, const SquareSumArgs&, double* result);  // reduce.cu
void adamw(Runtime&, const AdamwArgs&);                           // adamw.cu

}  // namespace attune::cuda
