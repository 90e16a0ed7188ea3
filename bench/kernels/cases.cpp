#include "cases.h"

#include <cmath>
#include <cstring>
#include <memory>

namespace attune::bench {
namespace {

using Shared = std::shared_ptr<Buffer>;

Shared make(int64_t rows, int64_t cols, DType dtype, uint32_t seed, float scale = 1) {
  auto buffer = std::make_shared<Buffer>(rows, cols, dtype);
  if (seed) buffer->random(seed, scale);
  return buffer;
}

double bytes(DType dtype, int64_t elements) {
  return static_cast<double>(elements) * static_cast<double>(size_of(dtype));
}

/** x [T, in] times the transpose of a weight [out, in], and the two products of its backward. */
void add_products(std::vector<Case>& cases, DType dtype, int64_t in, int64_t out, int64_t rows) {
  const auto x = make(rows, in, dtype, 1), w = make(out, in, dtype, 2, 0.05f);
  const auto y = make(rows, out, dtype, 3), d_x = make(rows, in, dtype, 0);
  const auto d_w = make(out, in, DType::f32, 0);
  const double work = 2.0 * static_cast<double>(rows) * static_cast<double>(in * out);
  const std::string shape =
      " " + std::to_string(rows) + "x" + std::to_string(in) + "x" + std::to_string(out);
  MatmulArgs forward, by_input, by_weight;
  forward.a = x->view();
  forward.b = w->view();
  forward.c = y->view();
  forward.trans_b = true;
  by_input.a = y->view();
  by_input.b = w->view();
  by_input.c = d_x->view();
  by_weight.a = y->view();
  by_weight.b = x->view();
  by_weight.c = d_w->view();
  by_weight.trans_a = true;
  const auto keep = [x, w, y, d_x, d_w] {};
  cases.push_back({"matmul" + shape,
                   dtype,
                   true,
                   work,
                   keep,
                   [=](Backend& b) { b.matmul(forward); },
                   {y->view()}});
  cases.push_back({"matmul d_x" + shape,
                   dtype,
                   true,
                   work,
                   keep,
                   [=](Backend& b) { b.matmul(by_input); },
                   {d_x->view()}});
  cases.push_back({"matmul d_w" + shape,
                   dtype,
                   true,
                   work,
                   keep,
                   [=](Backend& b) { b.matmul(by_weight); },
                   {d_w->view()}});
}

void add_attention(std::vector<Case>& cases, DType dtype, int64_t length) {
  const int64_t documents = kTokens / length;
  const auto qkv = make(kTokens, (kHeads + 2 * kKeyHeads) * kHeadSize, dtype, 1);
  const auto d_qkv = make(kTokens, (kHeads + 2 * kKeyHeads) * kHeadSize, dtype, 0);
  const auto out = make(kTokens, kHidden, dtype, 0), d_out = make(kTokens, kHidden, dtype, 2);
  const auto lse = make(kHeads, kTokens, DType::f32, 0),
             starts = make(1, documents + 1, DType::f32, 0);
  for (int64_t s = 0; s <= documents; ++s) starts->ints()[s] = static_cast<int32_t>(s * length);
  const auto part = [](Buffer& all, int64_t first, int64_t heads) {
    return all.view().columns(first * kHeadSize, heads * kHeadSize);
  };
  AttentionArgs args;
  args.q = part(*qkv, 0, kHeads);
  args.k = part(*qkv, kHeads, kKeyHeads);
  args.v = part(*qkv, kHeads + kKeyHeads, kKeyHeads);
  args.out = out->view();
  args.q_starts = args.k_starts = starts->ints();
  args.documents = documents;
  args.heads = kHeads;
  args.kv_heads = kKeyHeads;
  args.head_size = kHeadSize;
  args.scale = 0.125f;
  args.lse = lse->f32();
  AttentionBackwardArgs back;
  back.q = args.q;
  back.k = args.k;
  back.v = args.v;
  back.out = args.out;
  back.d_out = d_out->view();
  back.d_q = part(*d_qkv, 0, kHeads);
  back.d_k = part(*d_qkv, kHeads, kKeyHeads);
  back.d_v = part(*d_qkv, kHeads + kKeyHeads, kKeyHeads);
  back.starts = args.q_starts;
  back.documents = documents;
  back.heads = kHeads;
  back.kv_heads = kKeyHeads;
  back.head_size = kHeadSize;
  back.scale = args.scale;
  back.lse = args.lse;
  const auto keep = [qkv, d_qkv, out, d_out, lse, starts] {};
  // Two products forward and five backward over the lower triangle.
  const double pairs =
      static_cast<double>(documents) * static_cast<double>(length * (length + 1) / 2);
  const double product = 2 * pairs * static_cast<double>(kHidden);
  const std::string name = "attention";
  const std::string of = " n=" + std::to_string(length);
  cases.push_back({name + of,
                   dtype,
                   true,
                   2 * product,
                   keep,
                   [=](Backend& b) { b.attention(args); },
                   {out->view()}});
  cases.push_back({name + " backward" + of,
                   dtype,
                   true,
                   5 * product,
                   keep,
                   [=](Backend& b) { b.attention_backward(back); },
                   {d_qkv->view()}});
}

void add_norm(std::vector<Case>& cases, DType dtype) {
  const auto x = make(kTokens, kHidden, dtype, 1), delta = make(kTokens, kHidden, dtype, 2);
  const auto sum = make(kTokens, kHidden, dtype, 0), y = make(kTokens, kHidden, dtype, 0);
  const auto weight = make(1, kHidden, DType::f32, 3), stats = make(kTokens, 2, DType::f32, 0);
  const auto d_y = make(kTokens, kHidden, dtype, 4), d_x = make(kTokens, kHidden, dtype, 0);
  const auto d_weight = make(1, kHidden, DType::f32, 0);
  NormArgs args;
  args.x = x->view();
  args.delta = delta->view();
  args.sum = sum->view();
  args.y = y->view();
  args.weight = weight->f32();
  args.stats = stats->f32();
  NormBackwardArgs back;
  back.d_y = d_y->view();
  back.sum = sum->view();
  back.d_x = d_x->view();
  back.weight = weight->f32();
  back.stats = stats->f32();
  back.d_weight = d_weight->f32();
  const double each = bytes(dtype, kTokens * kHidden);
  const auto keep = [=] { std::memset(d_weight->f32(), 0, kHidden * 4); };
  const auto held = [x, delta, sum, y, weight, stats, d_y, d_x, d_weight, keep] { keep(); };
  cases.push_back(
      {"norm rms", dtype, false, 4 * each, held, [=](Backend& b) { b.norm(args); }, {y->view()}});
  cases.push_back({"norm rms backward",
                   dtype,
                   false,
                   3 * each,
                   held,
                   [=](Backend& b) { b.norm_backward(back); },
                   {d_x->view()}});
}

void add_activation(std::vector<Case>& cases, DType dtype) {
  const auto both = make(kTokens, 2 * kForward, dtype, 1, 3),
             out = make(kTokens, kForward, dtype, 0);
  const auto d_out = make(kTokens, kForward, dtype, 2),
             d_both = make(kTokens, 2 * kForward, dtype, 0);
  ActivationArgs args;
  args.x = both->view().columns(0, kForward);
  args.up = both->view().columns(kForward, kForward);
  args.out = out->view();
  ActivationBackwardArgs back;
  back.x = args.x;
  back.up = args.up;
  back.d_out = d_out->view();
  back.d_x = d_both->view().columns(0, kForward);
  back.d_up = d_both->view().columns(kForward, kForward);
  const double each = bytes(dtype, kTokens * kForward);
  const auto keep = [both, out, d_out, d_both] {};
  cases.push_back({"activation silu gated",
                   dtype,
                   false,
                   3 * each,
                   keep,
                   [=](Backend& b) { b.activation(args); },
                   {out->view()}});
  cases.push_back({"activation backward",
                   dtype,
                   false,
                   5 * each,
                   keep,
                   [=](Backend& b) { b.activation_backward(back); },
                   {d_both->view()}});
}

void add_rope(std::vector<Case>& cases, DType dtype) {
  const auto x = make(kTokens, kHidden, dtype, 1), table = make(kTokens, kHeadSize, DType::f32, 2);
  const auto first = make(kTokens, kHidden, dtype, 1), places = make(1, kTokens, DType::f32, 0);
  for (int64_t t = 0; t < kTokens; ++t) places->ints()[t] = static_cast<int32_t>(t % 1024);
  RopeArgs args;
  args.x = x->view();
  args.heads = kHeads;
  args.positions = places->ints();
  args.cosine = table->f32();
  args.sine = table->f32() + kTokens * kHeadSize / 2;
  const size_t size = static_cast<size_t>(bytes(dtype, kTokens * kHidden));
  const auto reset = [=] { std::memcpy(x->view().data, first->view().data, size); };
  const auto held = [x, table, first, places, reset] { reset(); };
  cases.push_back({"rope",
                   dtype,
                   false,
                   2 * static_cast<double>(size),
                   held,
                   [=](Backend& b) { b.rope(args); },
                   {x->view()}});
}

void add_embedding(std::vector<Case>& cases, DType dtype) {
  const auto table = make(kVocabulary, kHidden, dtype, 1), out = make(kTokens, kHidden, dtype, 0);
  const auto d_table = make(kVocabulary, kHidden, DType::f32, 0),
             ids = make(1, kTokens, DType::f32, 0);
  for (int64_t t = 0; t < kTokens; ++t)
    ids->ints()[t] = static_cast<int32_t>(t * 7919 % kVocabulary);
  EmbeddingArgs args;
  args.indices = ids->ints();
  args.table = table->view();
  args.out = out->view();
  EmbeddingBackwardArgs back;
  back.indices = ids->ints();
  back.d_out = out->view();
  back.d_table = d_table->view();
  const double each = bytes(dtype, kTokens * kHidden),
               single = bytes(DType::f32, kTokens * kHidden);
  const auto reset = [=] {
    std::memset(d_table->f32(), 0, static_cast<size_t>(kVocabulary * kHidden) * 4);
  };
  const auto held = [table, out, d_table, ids, reset] { reset(); };
  cases.push_back({"embedding",
                   dtype,
                   false,
                   2 * each,
                   held,
                   [=](Backend& b) { b.embedding(args); },
                   {out->view()}});
  cases.push_back({"embedding backward",
                   dtype,
                   false,
                   each + 2 * single,
                   held,
                   [=](Backend& b) { b.embedding_backward(back); },
                   {d_table->view()}});
}

void add_cross_entropy(std::vector<Case>& cases, DType dtype) {
  const auto logits = make(kTokens, kVocabulary, DType::f32, 1, 4);
  const auto half = dtype == DType::bf16 ? make(kTokens, kVocabulary, dtype, 0) : logits;
  const auto targets = make(1, kTokens, DType::f32, 0), rows = make(4, kTokens, DType::f32, 0);
  for (int64_t t = 0; t < kTokens; ++t)
    targets->ints()[t] = static_cast<int32_t>(t * 7919 % kVocabulary);
  CrossEntropyArgs args;
  args.logits = logits->view();
  args.gradient = half->view();
  args.targets = targets->ints();
  args.loss = rows->f32();
  args.nll = args.loss + kTokens;
  args.entropy = args.nll + kTokens;
  args.correct = args.entropy + kTokens;
  const auto reset = [=] { logits->random(1, 4); };
  const auto held = [logits, half, targets, rows, reset] { reset(); };
  const double size =
      bytes(DType::f32, kTokens * kVocabulary) + bytes(dtype, kTokens * kVocabulary);
  cases.push_back({"cross_entropy",
                   dtype,
                   false,
                   size,
                   held,
                   [=](Backend& b) { b.cross_entropy(args); },
                   {rows->view(), half->view()}});
}

void add_optimizer(std::vector<Case>& cases, DType dtype) {
  const int64_t size = 20 << 20;
  const auto master = make(1, size, DType::f32, 1), gradient = make(1, size, DType::f32, 2);
  const auto first = make(1, size, DType::f32, 0), second = make(1, size, DType::f32, 0);
  const auto copy = make(1, size, DType::bf16, 0);
  AdamwArgs args;
  const auto tensor = std::make_shared<AdamwTensor>();
  tensor->master = master->f32();
  tensor->gradient = gradient->f32();
  tensor->first = first->f32();
  tensor->second = second->f32();
  if (dtype == DType::bf16) tensor->copy = copy->view();
  tensor->rows = 1;
  tensor->cols = size;
  args.tensors = tensor.get();
  args.count = 1;
  args.learning_rate = 1e-3;
  const auto reset = [=] {
    master->random(1);
    gradient->random(2);
    std::memset(first->f32(), 0, static_cast<size_t>(size) * 4);
    std::memset(second->f32(), 0, static_cast<size_t>(size) * 4);
  };
  const auto held = [master, gradient, first, second, copy, reset] { reset(); };
  const double half = dtype == DType::bf16 ? 2 : 0;
  cases.push_back({"adamw",
                   dtype,
                   false,
                   (8 * 4 + half) * static_cast<double>(size),
                   held,
                   [=](Backend& b) {
                     static_cast<void>(tensor);
                     b.adamw(args);
                   },
                   {master->view(), first->view()}});
  const auto x = make(kTokens, kHidden, dtype, 3), y = make(kTokens, kHidden, dtype, 0);
  DropoutArgs drop;
  drop.x = x->view();
  drop.y = y->view();
  drop.rate = 0.1f;
  const auto keep = [x, y] {};
  cases.push_back({"dropout",
                   dtype,
                   false,
                   2 * bytes(dtype, kTokens * kHidden),
                   keep,
                   [=](Backend& b) { b.dropout(drop); },
                   {y->view()}});
}

}  // namespace

Buffer::Buffer(int64_t rows, int64_t cols, DType dtype) : rows_(rows), cols_(cols), dtype_(dtype) {
  bytes_.resize(static_cast<size_t>(rows * cols) * size_of(dtype));
}

Tensor Buffer::view() { return Tensor(bytes_.data(), dtype_, rows_, cols_); }

Buffer& Buffer::random(uint32_t seed, float scale) {
  uint32_t state = seed * 2654435761u + 1;
  const Tensor x = view();
  for (int64_t i = 0; i < x.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const float value = (static_cast<float>(state >> 8) / 8388608.0f - 1.0f) * scale;
    if (dtype_ == DType::bf16) {
      x.bf16()[i] = f32_to_bf16(value);
    } else {
      x.f32()[i] = value;
    }
  }
  return *this;
}

std::vector<Case> make_cases(DType dtype) {
  std::vector<Case> cases;
  add_products(cases, dtype, kHidden, kForward, kTokens);
  add_linears(cases, dtype);
  add_products(cases, dtype, kHidden, kForward, 1);
  add_attention(cases, dtype, 1024);
  add_attention(cases, dtype, 128);
  add_norm(cases, dtype);
  add_activation(cases, dtype);
  add_rope(cases, dtype);
  add_embedding(cases, dtype);
  add_cross_entropy(cases, dtype);
  add_optimizer(cases, dtype);
  return cases;
}

}  // namespace attune::bench
