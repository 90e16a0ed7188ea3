#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace attune {

namespace {

// The second moment is a square in float32: beyond this it would be infinite, and stay so.
constexpr double kLargestNorm = 1e18;

}  // namespace

void Optimizer::clear_gradients() {
  for (const Parameter* parameter : parameters_.trained())
    backend_.zero(parameter->gradient, static_cast<size_t>(parameter->size()) * sizeof(float));
}

void Optimizer::restore(uint64_t steps) {
  step_ = static_cast<int64_t>(steps);
  clear_gradients();
}

UpdateResult Optimizer::update(const UpdateOptions& options, bool usable) {
  check(options.tokens > 0, Code::data, "update", "no trained tokens since the last update");
  const std::vector<Parameter*> trained = parameters_.trained();
  // Between machines, the gradients would be summed here.
  std::vector<const float*> gradients;
  std::vector<int64_t> sizes;
  for (const Parameter* parameter : trained) {
    gradients.push_back(parameter->gradient);
    sizes.push_back(parameter->size());
  }
  const double sum =
      backend_.square_sum({gradients.data(), sizes.data(), static_cast<int64_t>(gradients.size())});
  UpdateResult result;
  result.grad_norm = std::sqrt(sum) / options.tokens;
  const double clip = options.max_grad_norm > 0
                          ? std::min(1.0, options.max_grad_norm / (result.grad_norm + 1e-6))
                          : 1.0;
  // False for a norm that is not finite, too.
  result.applied = usable && clip * result.grad_norm < kLargestNorm;
  if (!result.applied) {
    clear_gradients();
    return result;
  }
  std::vector<AdamwTensor> tensors;
  for (const Parameter* parameter : trained) {
    AdamwTensor tensor;
    tensor.master = parameter->master;
    tensor.gradient = parameter->gradient;
    tensor.first = parameter->first;
    tensor.second = parameter->second;
    if (parameter->value.data != parameter->master) tensor.copy = parameter->value;
    tensor.rows = parameter->rows;
    tensor.cols = parameter->cols;
    tensor.weight_decay = parameter->decays() ? options.weight_decay : 0;
    tensors.push_back(tensor);
  }
  AdamwArgs args;
  args.tensors = tensors.data();
  args.count = static_cast<int64_t>(tensors.size());
  args.gradient_scale = static_cast<float>(clip / options.tokens);
  args.learning_rate = options.learning_rate;
  args.beta1 = options.beta1;
  args.beta2 = options.beta2;
  args.epsilon = options.epsilon;
  args.step = step_ + 1;
  backend_.adamw(args);
  ++step_;  // not before: memory may have failed, and the caller may try once more
  return result;
}

}  // namespace attune
