// Causal attention over packed documents: no token sees another document.
//
// Forward   for document d and query head h (its key/value head is h / (H/K)):
//   S = scale * Q K^T;  S = cap * tanh(S / cap) where `soft_cap`;  S[i, j] += slope[h] * (j - p_i)
//   where `slopes` (ALiBi), p_i being the key that stands at query i's own position; keys beyond
//   p_i, and where `window` > 0 keys before p_i - window + 1, are masked
//   P = softmax(S), O = P V, lse[h, t] = log sum exp of row t's unmasked scores
// Backward  with delta[t] = sum_e d_O[t, e] O[t, e]:
//   d_V = P^T d_O;  d_P = d_O V^T;  d_S = P * (d_P - delta);
//   d_S *= 1 - (S_capped / cap)^2 where `soft_cap`
//   d_Q = scale * d_S K;  d_K = scale * d_S^T Q   (summed over the query heads of a group)
// Sources   A. Vaswani et al., arXiv 1706.03762; T. Dao, arXiv 2307.08691 (tiling, lse);
//           I. Beltagy et al., arXiv 2004.05150 (window); Gemma 2, arXiv 2408.00118 (soft cap);
//           O. Press et al., arXiv 2108.12409 (ALiBi).
//
// Shapes    q, out, d_out, d_q [T, H*E]; k, v, d_k, d_v [U, K*E]; rows may be strided.
//           q_starts, k_starts [S+1]: document s owns query rows [q_starts[s], q_starts[s+1])
//           and key rows [k_starts[s], k_starts[s+1]). In training both are equal. When a
//           document has fewer queries than keys (decoding against a cache) its queries are the
//           last ones: query i of n sees keys j <= i + (m - n), m = number of keys.
//           lse [H, T] float32.
// Types     float32 or bfloat16, all of one type; products and softmax in float32.
// Writes    out, lse, d_q, d_k, d_v overwritten. No aliasing.
// Never materialised: the T x T scores. Stable: bit-stable for any thread count.
#pragma once
#include "core/tensor.h"

namespace attune {

struct AttentionArgs {
  Tensor q, k, v, out;
  const int32_t* q_starts = nullptr;
  const int32_t* k_starts = nullptr;
  int64_t documents = 0;
  int64_t heads = 0, kv_heads = 0, head_size = 0;
  float scale = 1;
  int64_t window = 0;             // keys a query sees, itself included; 0: all
  float soft_cap = 0;             // 0: none
  const float* slopes = nullptr;  // [H], ALiBi; absent: none
  float* lse = nullptr;
};

/** Training only: queries and keys share `starts`. */
struct AttentionBackwardArgs {
  Tensor q, k, v, out, d_out, d_q, d_k, d_v;
  const int32_t* starts = nullptr;
  int64_t documents = 0;
  int64_t heads = 0, kv_heads = 0, head_size = 0;
  float scale = 1;
  int64_t window = 0;
  float soft_cap = 0;
  const float* slopes = nullptr;
  const float* lse = nullptr;
  void* scratch = nullptr;  // Backend::attention_backward_scratch bytes
};

}  // namespace attune
