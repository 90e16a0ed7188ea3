// Once per optimizer step: norms of gradients, AdamW, casts; and dropout. All bound by memory.
#include "backend/cpu/kernels.h"
#include "backend/cpu/parallel.h"
#include "backend/cpu/simd.h"
#include "core/rng.h"

namespace attune {
namespace ATTUNE_ISA {
namespace {

constexpr int64_t kSquareBlock = 1 << 15;  // elements of one partial sum, whatever the threads

double square_block(const float* x, int64_t size) {
  double lane[16] = {};
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) {
    for (int l = 0; l < 16; ++l) {
      const double value = x[i + l];
      lane[l] += value * value;
    }
  }
  for (int l = 0; i < size; ++i, ++l) lane[l] += static_cast<double>(x[i]) * x[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

int64_t blocks_of(int64_t size) { return (size + kSquareBlock - 1) / kSquareBlock; }

/** Constants of a step, computed in float64 and rounded once. */
struct Step {
  float beta1, rest1, beta2, rest2, rate, root, epsilon, scale;
};

Step step_of(const AdamwArgs& args) {
  double power1 = 1, power2 = 1, base1 = args.beta1, base2 = args.beta2;
  for (int64_t n = args.step; n > 0; n /= 2, base1 *= base1, base2 *= base2) {
    if (n % 2) power1 *= base1, power2 *= base2;
  }
  Step step;
  step.beta1 = static_cast<float>(args.beta1);
  step.rest1 = static_cast<float>(1 - args.beta1);
  step.beta2 = static_cast<float>(args.beta2);
  step.rest2 = static_cast<float>(1 - args.beta2);
  step.rate = static_cast<float>(args.learning_rate / (1 - power1));
  step.root = static_cast<float>(1 / __builtin_sqrt(1 - power2));
  step.epsilon = static_cast<float>(args.epsilon);
  step.scale = args.gradient_scale;
  return step;
}

template <typename T>
void step_elements(const AdamwTensor& tensor, const Step& step, float decay, int64_t begin,
                   int64_t end, T* copy) {
  float* master = tensor.master + begin;
  float* gradient = tensor.gradient + begin;
  float* first = tensor.first + begin;
  float* second = tensor.second + begin;
  for_lanes(end - begin, [&](int64_t i, auto lanes) {
    const Vec g = load(gradient + i, lanes) * step.scale;
    const Vec m = load(first + i, lanes) * step.beta1 + g * step.rest1;
    const Vec v = load(second + i, lanes) * step.beta2 + g * g * step.rest2;
    const Vec p =
        load(master + i, lanes) * decay - step.rate * m / (sqrt(v) * step.root + step.epsilon);
    store(master + i, p, lanes);
    store(first + i, m, lanes);
    store(second + i, v, lanes);
    store(gradient + i, Vec{}, lanes);
    if (copy) store(copy + i, p, lanes);
  });
}

/** Elements [begin, end) of a tensor; its copy lies `shift` elements further. */
void step_elements(const AdamwTensor& tensor, const Step& step, float decay, int64_t begin,
                   int64_t end, int64_t shift) {
  if (tensor.copy.dtype == DType::bf16) {
    uint16_t* copy = tensor.copy ? tensor.copy.bf16() + begin + shift : nullptr;
    step_elements(tensor, step, decay, begin, end, copy);
  } else {
    float* copy = tensor.copy ? tensor.copy.f32() + begin + shift : nullptr;
    step_elements(tensor, step, decay, begin, end, copy);
  }
}

template <typename In, typename Out>
void cast_rows(const CastArgs& args) {
  const int64_t rows = args.out.rows, cols = args.out.cols;
  const bool flat = args.x.contiguous() && args.out.contiguous();
  const int64_t count = flat ? 1 : rows, size = flat ? rows * cols : cols;
#pragma omp parallel if (rows * cols > kParallelWork)
  {
    const Range mine = flat ? share(size, 1024) : Range{0, size};
    const Range lines = flat ? Range{0, 1} : share(count);
    for (int64_t i = lines.begin; i < lines.end; ++i) {
      const In* x = static_cast<const In*>(args.x.data) + i * args.x.stride + mine.begin;
      Out* out = static_cast<Out*>(args.out.data) + i * args.out.stride + mine.begin;
      for_lanes(mine.end - mine.begin, [&](int64_t j, auto lanes) {
        store(out + j, load(x + j, lanes) * args.scale, lanes);
      });
    }
  }
}

constexpr int kBlocks = 16;  // of four words, drawn at a time

/** The words of `kBlocks` blocks from `first`, word by word as core/rng.h defines them. */
void draw(uint64_t seed, uint64_t stream, uint64_t first, uint32_t* words) {
  for (int i = 0; i < kBlocks; ++i) {
    const Random4 random = philox(seed, stream, first + static_cast<uint64_t>(i));
    for (int w = 0; w < 4; ++w) words[4 * i + w] = random.word[w];
  }
}

template <typename T>
void drop_row(const DropoutArgs& args, int64_t t) {
  const int64_t cols = args.x.cols;
  const T* x = static_cast<const T*>(args.x.data) + t * args.x.stride;
  T* y = static_cast<T*>(args.y.data) + t * args.y.stride;
  const float scale = 1.0f / (1.0f - args.rate);
  const int64_t begin = t * cols, end = begin + cols;
  for (int64_t block = begin / 4; block * 4 < end; block += kBlocks) {
    uint32_t words[4 * kBlocks];
    draw(args.seed, args.stream, static_cast<uint64_t>(block), words);
    const int64_t from = block * 4 < begin ? begin : block * 4;
    const int64_t to = (block + kBlocks) * 4 < end ? (block + kBlocks) * 4 : end;
    float factor[4 * kBlocks + kLanes];
    for (int i = 0; i < 4 * kBlocks; ++i) factor[i] = uniform(words[i]) >= args.rate ? scale : 0;
    const float* mine = factor + (from - block * 4);
    for_lanes(to - from, [&](int64_t j, auto lanes) {
      const int64_t at = from - begin + j;
      const Vec kept = load(mine + j, lanes), value = load(x + at, lanes) * kept;
      const Vec result = kept > 0.0f ? value : Vec{};  // what is dropped is 0, were it infinite
      store(y + at, args.accumulate ? result + load(y + at, lanes) : result, lanes);
    });
  }
}

template <typename T>
void drop_rows(const DropoutArgs& args) {
#pragma omp parallel for schedule(static) if (args.x.size() > kParallelWork / 8)
  for (int64_t t = 0; t < args.x.rows; ++t) drop_row<T>(args, t);
}

}  // namespace

void Kernels::sums(const SumsArgs& args) {
  for (int64_t k = 0; k < args.count; ++k) {
    double total = 0;
    for (int64_t i = 0; i < args.size; ++i) total += static_cast<double>(args.tensors[k][i]);
    args.results[k] = total;
  }
}

double Kernels::square_sum(const SquareSumArgs& args) {
  int64_t blocks = 0, elements = 0;
  for (int64_t i = 0; i < args.count; ++i) {
    blocks += blocks_of(args.sizes[i]);
    elements += args.sizes[i];
  }
  Scratch scratch(2 * blocks);
  double* partials = reinterpret_cast<double*>(scratch.data());
#pragma omp parallel if (elements > kParallelWork)
  {
    int64_t first = 0;
    for (int64_t i = 0; i < args.count; ++i) {
      const int64_t count = blocks_of(args.sizes[i]);
#pragma omp for schedule(static) nowait
      for (int64_t block = 0; block < count; ++block) {
        const int64_t begin = block * kSquareBlock, rest = args.sizes[i] - begin;
        partials[first + block] =
            square_block(args.tensors[i] + begin, rest < kSquareBlock ? rest : kSquareBlock);
      }
      first += count;
    }
  }
  double total = 0;
  for (int64_t block = 0; block < blocks; ++block) total += partials[block];
  return total;
}

void Kernels::adamw(const AdamwArgs& args) {
  const Step step = step_of(args);
  int64_t elements = 0;
  for (int64_t i = 0; i < args.count; ++i) elements += args.tensors[i].rows * args.tensors[i].cols;
#pragma omp parallel if (elements > kParallelWork)
  for (int64_t i = 0; i < args.count; ++i) {
    const AdamwTensor& tensor = args.tensors[i];
    const float decay = static_cast<float>(1 - args.learning_rate * tensor.weight_decay);
    if (!tensor.copy || tensor.copy.contiguous()) {
      const Range mine = share(tensor.rows * tensor.cols, 1024);
      step_elements(tensor, step, decay, mine.begin, mine.end, 0);
    } else {
      const Range mine = share(tensor.rows);
      for (int64_t row = mine.begin; row < mine.end; ++row)
        step_elements(tensor, step, decay, row * tensor.cols, (row + 1) * tensor.cols,
                      row * (tensor.copy.stride - tensor.cols));
    }
  }
}

void Kernels::cast(const CastArgs& args) {
  if (args.x.dtype == DType::bf16) {
    args.out.dtype == DType::bf16 ? cast_rows<uint16_t, uint16_t>(args)
                                  : cast_rows<uint16_t, float>(args);
  } else {
    args.out.dtype == DType::bf16 ? cast_rows<float, uint16_t>(args)
                                  : cast_rows<float, float>(args);
  }
}

void Kernels::dropout(const DropoutArgs& args) {
  args.x.dtype == DType::bf16 ? drop_rows<uint16_t>(args) : drop_rows<float>(args);
}

}  // namespace ATTUNE_ISA
}  // namespace attune
