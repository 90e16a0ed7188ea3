// Elements, vectors of them, and reductions, as the kernels use them.
#include "backend/cuda/number.h"

#include <cmath>

#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.h"
#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

using namespace attune::cuda;

bool same(float a, float b) {
  return __float_as_uint(a) == __float_as_uint(b) || (std::isnan(a) && std::isnan(b));
}

TEST(cuda_number) {
  run("every bf16 to float and back", [] {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      const bf16 x = {static_cast<uint16_t>(bits)};
      const float value = to_float(x);
      expect(same(value, bf16_to_f32(x.bits)), "to float " + std::to_string(bits));
      expect(std::isnan(value) ? std::isnan(to_float(to_bf16(value))) : to_bf16(value).bits == bits,
             "and back " + std::to_string(bits));
      const uint32_t both = pack_bf16(value, -value);
      expect(same(low_half(both), value) && same(high_half(both), -value), "packed");
    }
  });
  run("floats between two bf16 round to the nearest, ties to even", [] {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      for (uint32_t rest : {0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
        const float value = __uint_as_float(bits << 16 | rest);
        if (std::isnan(value)) continue;
        const uint32_t up = rest > 0x8000 || (rest == 0x8000 && bits % 2 == 1);
        expect(to_bf16(value).bits == bits + up, "word " + std::to_string(bits << 16 | rest));
        expect(pack_bf16(0, value) >> 16 == bits + up, "packed");
      }
    }
  });
}

/** Copies N elements in one go and adds 1 to each. */
template <int N, class T>
void add_one(const T* from, T* to) {
  float values[N];
  load(values, from);
  for (float& value : values) value += 1;
  store(to, values);
}

template <int N, class T>
void check_vector(Runtime& runtime, DType dtype) {
  Matrix from(1, 48, dtype), to(1, 48, dtype);
  from.random(1);
  launch(runtime, "add_one", add_one<N, T>, {1, 1}, static_cast<const T*>(from.view().data),
         static_cast<T*>(to.view().data));
  for (int64_t j = 0; j < 48; ++j) {
    if (j < N) {
      expect(to.at(0, j) == rounded(from.at(0, j) + 1, dtype), "element " + std::to_string(j));
    } else {
      expect(std::isnan(to.at(0, j)), "beyond the vector");
    }
  }
}

template <int N, class T>
void check_alignment(Runtime& runtime, DType dtype) {
  Matrix from(1, 48, dtype), to(1, 48, dtype);
  from.random(1);
  for (int at : {0, 1}) {
    try {
      launch(runtime, "add_one", add_one<N, T>, {1, 1}, static_cast<const T*>(from.view().data),
             static_cast<T*>(to.view().data) + at);
      expect(at == 0, "accepted");
    } catch (const Error& error) {
      expect(at == 1 && error.code() == Code::internal, error.what());
    }
  }
}

TEST(cuda_vector) {
  Runtime runtime(0);
  run("float", [&] {
    check_vector<1, float>(runtime, DType::f32);
    check_vector<2, float>(runtime, DType::f32);
    check_vector<4, float>(runtime, DType::f32);
    check_vector<8, float>(runtime, DType::f32);
  });
  run("bf16", [&] {
    check_vector<1, bf16>(runtime, DType::bf16);
    check_vector<2, bf16>(runtime, DType::bf16);
    check_vector<4, bf16>(runtime, DType::bf16);
    check_vector<8, bf16>(runtime, DType::bf16);
    check_vector<16, bf16>(runtime, DType::bf16);
  });
  run("alignment is checked", [&] {
    check_alignment<2, bf16>(runtime, DType::bf16);
    check_alignment<8, bf16>(runtime, DType::bf16);
    check_alignment<4, float>(runtime, DType::f32);
  });
  run("which rows may be read in vectors", [] {
    alignas(16) const float x[8] = {};
    expect(vectorizable<float>(x, 4) && !vectorizable<float>(x, 6), "stride of float");
    expect(vectorizable<bf16>(x, 8) && !vectorizable<bf16>(x, 12), "stride of bf16");
    expect(!vectorizable<float>(x + 1, 4) && vectorizable<float>(x + 4, 4), "base");
  });
}

void reduce(const float* x, float* sums, float* maxima) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const unsigned i = threadIdx.x;
  for (unsigned round = 0; round < 3; ++round) {  // the next reduction may follow at once
    float both[2] = {x[i] + static_cast<float>(round), 1};
    block_reduce<Sum>(both, shared);
    sums[round * blockDim.x + i] = both[0] + both[1];
    maxima[round * blockDim.x + i] = block_max(x[i] - static_cast<float>(round), shared);
  }
}

TEST(cuda_reduce) {
  Runtime runtime(0);
  for (int64_t size : {32, 64, 96, 256, 1024}) {
    run("a block of " + std::to_string(size), [&] {
      Matrix x(1, size, DType::f32), sums(3, size, DType::f32), maxima(3, size, DType::f32);
      x.random(1, 3);
      for (bool hidden : {false, true}) {
        if (hidden) x.set(0, size / 2, NAN);
        run_stable({&sums, &maxima}, {1, 3}, [&] {
          launch(runtime, "reduce", reduce, {1, static_cast<unsigned>(size), 256}, x.f32(),
                 sums.f32(), maxima.f32());
        });
        double total = 0, most = -1e30;
        for (double value : x.values()) total += value, most = std::fmax(most, value);
        for (int64_t i = 0; i < 3 * size; ++i) {
          const double round = static_cast<double>(i / size);
          const double sum = sums.at(i / size, i % size), max = maxima.at(i / size, i % size);
          if (hidden) {
            expect(std::isnan(sum) && std::isnan(max), "NaN is hidden");
            continue;
          }
          const double expected = total + static_cast<double>(size) * (round + 1);
          expect(std::fabs(sum - expected) < 1e-6 * 8 * static_cast<double>(size), "a sum");
          expect(std::fabs(max - (most - round)) < 1e-6, "a maximum");
        }
      }
    });
  }
}

}  // namespace
}  // namespace attune::test
