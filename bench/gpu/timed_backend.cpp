#include "timed_backend.h"

#include <algorithm>

namespace attune::bench {

namespace {

double size(int64_t count) { return static_cast<double>(count); }

/** Bytes of a matrix, once; 0 where it is absent. */
double bytes(const Tensor& x) { return x ? size(x.size()) * size(static_cast<int64_t>(size_of(x.dtype))) : 0; }

std::string shape(const Tensor& x) {
  return " " + std::to_string(x.rows) + "x" + std::to_string(x.cols);
}

}  // namespace

void TimedBackend::start() {
  on_ = true;
  last_ = inner_->mark();
}

void TimedBackend::stop() {
  collect();
  on_ = false;
}

void TimedBackend::ended(const std::string& key, const Work& work) {
  if (!on_) return;
  const int64_t mark = inner_->mark();
  entries_.push_back({key, work, last_, mark});
  last_ = mark;
  if (static_cast<int64_t>(entries_.size()) > kMarks / 2) collect();
}

void TimedBackend::collect() {
  for (const Entry& entry : entries_) {
    const double seconds = inner_->seconds(entry.from, entry.to);
    Timing& timing = timings_[entry.key];
    timing.work = entry.work;
    timing.seconds += seconds;
    ++timing.calls;
    samples_[entry.key].push_back(seconds);
  }
  entries_.clear();
}

std::map<std::string, Timing> TimedBackend::take() {
  for (auto& [key, values] : samples_) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    timings_[key].median = *middle;
  }
  samples_.clear();
  return std::exchange(timings_, {});
}

void TimedBackend::upload(void* device, const void* host, size_t bytes) {
  inner_->upload(device, host, bytes);
  ended("upload", {0, static_cast<double>(bytes)});
}

void TimedBackend::download(void* host, const void* device, size_t bytes) {
  inner_->download(host, device, bytes);
  ended("download", {0, static_cast<double>(bytes)});
}

void TimedBackend::zero(void* device, size_t bytes) {
  inner_->zero(device, bytes);
  ended("zero", {0, static_cast<double>(bytes)});
}

void TimedBackend::matmul(const MatmulArgs& args) {
  inner_->matmul(args);
  const int64_t k = args.trans_a ? args.a.rows : args.a.cols;
  Work work;
  work.flops = 2 * size(args.c.rows) * size(args.c.cols) * size(k);
  work.bytes = bytes(args.a) + bytes(args.b) + bytes(args.c) * (args.accumulate ? 2 : 1);
  ended("product " + std::to_string(args.c.rows) + "x" + std::to_string(k) + "x" +
            std::to_string(args.c.cols) + (args.trans_a ? " d_w" : args.trans_b ? "" : " d_x"),
        work);
}

void TimedBackend::adapter_backward(const AdapterBackwardArgs& args) {
  inner_->adapter_backward(args);
  const AdapterOutput& adapter = args.adapter;
  const double product = 2 * size(args.d_y.size()) * size(adapter.low.cols);
  const double thin = bytes(adapter.b) + bytes(adapter.low) + bytes(adapter.d_low);
  ended("adapter_backward" + shape(args.d_y) + " rank " + std::to_string(adapter.low.cols),
        {adapter.d_b ? 2 * product : product,
         bytes(args.d_y) + thin + (adapter.d_b ? 8 * size(adapter.b.size()) : 0)});
}

void TimedBackend::column_sum(const ColumnSumArgs& args) {
  inner_->column_sum(args);
  ended("column_sum" + shape(args.x), {0, bytes(args.x)});
}

void TimedBackend::embedding(const EmbeddingArgs& args) {
  inner_->embedding(args);
  ended("embedding" + shape(args.out), {0, bytes(args.out) * (args.accumulate ? 3 : 2)});
}

void TimedBackend::embedding_backward(const EmbeddingBackwardArgs& args) {
  inner_->embedding_backward(args);
  // Rows of the float32 table are read and written; how many are distinct is not known here.
  ended("embedding_backward" + shape(args.d_out),
        {0, bytes(args.d_out) + 8 * size(args.d_out.size())});
}

void TimedBackend::gather_rows(const GatherRowsArgs& args) {
  inner_->gather_rows(args);
  ended("gather_rows" + shape(args.out), {0, 2 * bytes(args.out)});
}

void TimedBackend::scatter_rows(const ScatterRowsArgs& args) {
  inner_->scatter_rows(args);
  ended("scatter_rows" + shape(args.x), {0, 2 * bytes(args.x)});
}

void TimedBackend::norm(const NormArgs& args) {
  inner_->norm(args);
  const double sum = args.delta ? bytes(args.delta) + bytes(args.sum) : 0;
  ended((args.delta ? "add_norm" : "norm") + shape(args.x),
        {0, bytes(args.x) + sum + bytes(args.y)});
}

void TimedBackend::norm_backward(const NormBackwardArgs& args) {
  inner_->norm_backward(args);
  ended("norm_backward" + shape(args.d_y),
        {0, bytes(args.d_y) + bytes(args.sum) + bytes(args.d_x) * (args.accumulate ? 2 : 1)});
}

void TimedBackend::add(const AddArgs& args) {
  inner_->add(args);
  ended("add" + shape(args.a), {0, 3 * bytes(args.a)});
}

void TimedBackend::rope(const RopeArgs& args) {
  inner_->rope(args);
  ended("rope" + shape(args.x), {0, 2 * bytes(args.x)});
}

void TimedBackend::attention(const AttentionArgs& args) {
  inner_->attention(args);
  const double product = 2 * pairs_ * size(args.heads * args.head_size);
  ended("attention" + shape(args.q),
        {2 * product, bytes(args.q) + bytes(args.k) + bytes(args.v) + bytes(args.out)});
}

void TimedBackend::attention_backward(const AttentionBackwardArgs& args) {
  inner_->attention_backward(args);
  const double product = 2 * pairs_ * size(args.heads * args.head_size);
  ended("attention_backward" + shape(args.q),
        {5 * product, 2 * (bytes(args.q) + bytes(args.k) + bytes(args.v) + bytes(args.out))});
}

void TimedBackend::activation(const ActivationArgs& args) {
  inner_->activation(args);
  const AdapterInput& adapter = args.adapter;
  ended("activation" + shape(args.out) + (adapter ? " with low" : ""),
        {2 * size(args.out.rows) * bytes(adapter.a) / 2,
         bytes(args.x) + bytes(args.up) + bytes(args.out) + bytes(adapter.a) + bytes(adapter.low)});
}

void TimedBackend::activation_backward(const ActivationBackwardArgs& args) {
  inner_->activation_backward(args);
  Work work = {0, 2 * (bytes(args.x) + bytes(args.up)) + bytes(args.d_out)};
  const auto add = [&](const Tensor& thin, double products) {
    if (!thin) return;
    work.flops += products * 2 * size(thin.size()) * size(args.x.cols);
    work.bytes += products * bytes(thin) + 8 * size(thin.cols * args.x.cols);
  };
  add(args.x_adapter.d_low, 2);
  add(args.up_adapter.d_low, 2);
  add(args.out_adapter.d_low, 1);
  ended("activation_backward" + shape(args.d_out) + (work.flops > 0 ? " with adapters" : ""), work);
}

void TimedBackend::cross_entropy(const CrossEntropyArgs& args) {
  inner_->cross_entropy(args);
  ended("cross_entropy" + shape(args.logits), {0, bytes(args.logits) + bytes(args.gradient)});
}

void TimedBackend::sums(const SumsArgs& args) {
  inner_->sums(args);
  ended("sums", {0, 4 * size(args.count * args.size)});
}

double TimedBackend::square_sum(const SquareSumArgs& args) {
  const double result = inner_->square_sum(args);
  double elements = 0;
  for (int64_t i = 0; i < args.count; ++i) elements += size(args.sizes[i]);
  ended("square_sum", {0, 4 * elements});
  return result;
}

void TimedBackend::adamw(const AdamwArgs& args) {
  inner_->adamw(args);
  double moved = 0;  // four float32 read; three and a cleared gradient written
  for (int64_t i = 0; i < args.count; ++i) {
    const AdamwTensor& tensor = args.tensors[i];
    moved += 32 * size(tensor.rows * tensor.cols) + bytes(tensor.copy);
  }
  ended("adamw", {0, moved});
}

void TimedBackend::cast(const CastArgs& args) {
  inner_->cast(args);
  ended("cast" + shape(args.x), {0, bytes(args.x) + bytes(args.out)});
}

void TimedBackend::dropout(const DropoutArgs& args) {
  inner_->dropout(args);
  ended("dropout" + shape(args.x), {0, bytes(args.x) + bytes(args.y) * (args.accumulate ? 2 : 1)});
}

}  // namespace attune::bench
