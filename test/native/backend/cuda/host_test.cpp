// The layer that runs kernels on the processor: it must do what a device does, and find what a
// device leaves undefined.
#include <cmath>
#include <functional>

#include "backend/cuda/launch.h"
#include "backend/cuda/number.h"
#include "core/error.h"
#include "fixture.h"

namespace attune::test {
namespace {

using namespace attune::cuda;
using Order = host::Order;

const Order kOrders[] = {
    {Order::forward, 0}, {Order::reverse, 0}, {Order::shuffle, 1}, {Order::shuffle, 2}};

/** In every order, and leaves the first. */
void in_orders(const std::function<void()>& body) {
  for (const Order& order : kOrders) {
    host::set_order(order);
    body();
  }
  host::set_order({});
}

/** The launch must fail, with every one of `words` in its message. */
void expect_error(Code code, const std::vector<std::string>& words,
                  const std::function<void()>& launch) {
  try {
    launch();
    fail("accepted");
  } catch (const Error& error) {
    const std::string message = error.what();
    expect(error.code() == code, message);
    for (const std::string& word : words)
      expect(message.find(word) != std::string::npos, "'" + word + "' is not in: " + message);
  }
}

void places(int* counts) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  ++counts[block * blockDim.x * blockDim.y * blockDim.z + thread];
}

/** Reverses the values of a block; without the barrier a thread reads what may not be there yet. */
void reverse(float* values, bool wait) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int i = static_cast<int>(threadIdx.x), size = static_cast<int>(blockDim.x);
  shared[i] = values[i];
  if (wait) __syncthreads();
  values[i] = shared[size - 1 - i];
}

/** Rotates values thrice; each round needs two barriers, and `second` leaves out one. */
void rotate(float* values, bool second) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  const int i = static_cast<int>(threadIdx.x), size = static_cast<int>(blockDim.x);
  float own = values[i];
  for (int round = 0; round < 3; ++round) {
    shared[i] = own;
    __syncthreads();
    own = shared[(i + 1) % size];
    if (second) __syncthreads();
  }
  values[i] = own;
}

std::vector<float> counted(int size) {
  std::vector<float> values;
  for (int i = 0; i < size; ++i) values.push_back(static_cast<float>(i));
  return values;
}

TEST(cuda_host_block) {
  Runtime runtime(0);
  run("each thread of each block runs once", [&] {
    in_orders([&] {
      std::vector<int> counts(2 * 3 * 4 * 5 * 6 * 7, 0);
      launch(runtime, "places", places, {dim3(2, 3, 4), dim3(5, 6, 7)}, counts.data());
      for (int count : counts)
        expect(count == 1, "a thread ran " + std::to_string(count) + " times");
    });
  });
  run("barriers", [&] {
    in_orders([&] {
      for (int size : {1, 31, 32, 257, 1024}) {
        std::vector<float> values = counted(size), rotated = values;
        const Shape shape = {1, static_cast<unsigned>(size), 4096};
        launch(runtime, "reverse", reverse, shape, values.data(), true);
        launch(runtime, "rotate", rotate, shape, rotated.data(), true);
        for (int i = 0; i < size; ++i) {
          expect(values[static_cast<size_t>(i)] == static_cast<float>(size - 1 - i), "reversed");
          expect(rotated[static_cast<size_t>(i)] == static_cast<float>((i + 3) % size), "rotated");
        }
      }
    });
  });
  run("a missing barrier changes results with the order", [&] {
    std::vector<std::vector<float>> reversed, rotated;
    in_orders([&] {
      reversed.push_back(counted(64));
      rotated.push_back(counted(64));
      launch(runtime, "reverse", reverse, {1, 64, 256}, reversed.back().data(), false);
      launch(runtime, "rotate", rotate, {1, 64, 256}, rotated.back().data(), false);
    });
    for (size_t i = 1; i < reversed.size(); ++i)
      expect(reversed[i] != reversed[0], "a read before the write is not found");
    bool differs = false;
    for (size_t i = 1; i < rotated.size(); ++i) differs = differs || rotated[i] != rotated[0];
    expect(differs, "a write before the read is not found");
  });
  run("shared memory begins as NaN in each block", [&] {
    std::vector<int> numbers(3 * 40, 0);
    launch(
        runtime, "peek",
        +[](int* numbers) {
          auto* shared = reinterpret_cast<float*>(shared_memory());
          numbers[blockIdx.x * blockDim.x + threadIdx.x] = !std::isnan(shared[threadIdx.x]);
          shared[threadIdx.x] = 1;
        },
        {3, 40, 160}, numbers.data());
    for (int number : numbers) expect(number == 0, "a number");
  });
#ifndef __SANITIZE_ADDRESS__
  run("writes beyond shared memory are found", [&] {
    expect_error(Code::internal, {"beyond", "beyond its 40 bytes"}, [&] {
      launch(
          runtime, "beyond", +[](int at) { shared_memory()[at] = 1; }, {1, 1, 40}, 40);
    });
  });
#endif
}

void leaves(int most) {
  if (static_cast<int>(threadIdx.x) >= most) return;
  __syncthreads();
}

void diverges() {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __shfl_sync(0xaaaaaaaau, 1, 1);
    __syncwarp();
  }
}

TEST(cuda_host_waits) {
  Runtime runtime(0);
  run("a barrier that not all reach", [&] {
    in_orders([&] {
      expect_error(
          Code::internal,
          {"leaves", "block (1, 0, 0)", "threads 0 to 39 at a barrier", "threads 40 to 63 ended"},
          [&] {
            host::set_order({});
            launch(runtime, "leaves", +[] { leaves(blockIdx.x == 1 ? 40 : 64); }, {2, 64});
          });
    });
  });
  run("a warp that parts", [&] {
    in_orders([&] {
      expect_error(
          Code::internal,
          {"diverges", "thread 0 at a barrier", "thread 1 at __syncwarp of lanes ffffffff"}, [&] {
            launch(runtime, "diverges", diverges, {1, 32});
          });
    });
  });
  run("masks", [&] {
    expect_error(Code::internal, {"leaves the lane itself out"}, [&] {
      launch(runtime, "mask", +[] { __shfl_sync(2u, 1, 1); }, {1, 32});
    });
    expect_error(Code::internal, {"beyond the block"}, [&] {
      launch(runtime, "mask", +[] { __syncwarp(); }, {1, 20});
    });
    expect_error(Code::internal, {"from a lane that its mask leaves out"}, [&] {
      launch(runtime, "mask",
             +[] {
               if (threadIdx.x < 16) __shfl_sync(0xffffu, 1, 20);
             },
             {1, 32});
    });
    expect_error(Code::internal,
                 {"threads 0 to 7 at a vote of lanes 0000ffff", "threads 8 to 31 ended"}, [&] {
                   launch(runtime, "mask",
                          +[] {
                            if (threadIdx.x < 16)
                              __any_sync(threadIdx.x < 8 ? 0xffffu : 0xff00u, 1);
                          },
                          {1, 32});
                 });
  });
  run("after a failure the next kernel runs", [&] {
    std::vector<float> values = counted(64);
    expect_error(Code::internal, {}, [&] {
      launch(runtime, "leaves", +[] { leaves(5); }, {1, 64});
    });
    launch(runtime, "reverse", reverse, {1, 64, 256}, values.data(), true);
    expect(values[0] == 63, "reversed");
  });
  run("an exception reaches the caller", [&] {
    expect_error(Code::data, {"boom"}, [&] {
      launch(runtime, "throws",
             +[] {
               __syncthreads();
               if (threadIdx.x == 7) throw Error(Code::data, "x", "boom");
               __syncthreads();
             },
             {1, 64});
    });
  });
  run("launches that a device refuses", [&] {
    const auto nothing = +[] {};
    const auto refused = [&](const Shape& shape, const std::string& word) {
      expect_error(Code::device, {"nothing", word},
                   [&] { launch(runtime, "nothing", nothing, shape); });
    };
    refused({1, 1025}, "1025 x 1 x 1");
    refused({1, dim3(32, 33)}, "32 x 33 x 1");
    refused({1, dim3(1, 1, 65)}, "along z");
    refused({1, 0u}, "0 x 1 x 1");
    refused({dim3(1, 65536), 1}, "1 x 65536 x 1");
    refused({1, 32, (227 << 10) + 1}, "shared memory");
    launch(runtime, "nothing", nothing, {0u, 32});
    launch(runtime, "nothing", nothing, {2, 1024, 227 << 10});
  });
  run("launches are counted", [&] {
    const auto before = host::launches()["counted"];
    for (int i = 0; i < 3; ++i) launch(runtime, "counted", +[] {}, {1, 1});
    expect(host::launches()["counted"] == before + 3, "three more");
  });
}

struct Shuffled {
  int direct, exclusive, up, down, segment_up, segment_down, segment_xor, any, all;
  unsigned ballot;
  double wide;
};

void shuffle_all(Shuffled* out) {
  const int lane = static_cast<int>(threadIdx.x) % 32, value = 100 + lane;
  Shuffled& own = out[threadIdx.x];
  own.direct = __shfl_sync(0xffffffffu, value, (lane * 7 + 3) % 32);
  own.exclusive = __shfl_xor_sync(0xffffffffu, value, 5);
  own.up = __shfl_up_sync(0xffffffffu, value, 3);
  own.down = __shfl_down_sync(0xffffffffu, value, 3);
  own.segment_up = __shfl_up_sync(0xffffffffu, value, 3, 8);
  own.segment_down = __shfl_down_sync(0xffffffffu, value, 3, 8);
  own.segment_xor = __shfl_xor_sync(0xffffffffu, value, 12, 8);
  own.wide = __shfl_sync(0xffffffffu, 0.1 * lane, 31 - lane);
  own.ballot = __ballot_sync(0xffffffffu, lane % 3 == 0);
  own.any = __any_sync(0xffffffffu, lane == 40);
  own.all = __all_sync(0xffffffffu, lane < 32);
}

TEST(cuda_host_warp) {
  Runtime runtime(0);
  run("shuffles and votes", [&] {
    in_orders([&] {
      std::vector<Shuffled> out(96);
      launch(runtime, "shuffle_all", shuffle_all, {1, 96}, out.data());
      for (int i = 0; i < 96; ++i) {
        const Shuffled& own = out[static_cast<size_t>(i)];
        const int lane = i % 32, in_segment = lane % 8;
        expect(own.direct == 100 + (lane * 7 + 3) % 32, "direct");
        expect(own.exclusive == 100 + (lane ^ 5), "exclusive");
        expect(own.up == 100 + (lane < 3 ? lane : lane - 3), "up");
        expect(own.down == 100 + (lane > 28 ? lane : lane + 3), "down");
        expect(own.segment_up == 100 + (in_segment < 3 ? lane : lane - 3), "up in a segment");
        expect(own.segment_down == 100 + (in_segment > 4 ? lane : lane + 3), "down in a segment");
        // Only earlier segments may be read.
        const int other = lane ^ 12;
        expect(own.segment_xor == 100 + (other / 8 > lane / 8 ? lane : other), "xor in a segment");
        expect(own.wide == 0.1 * (31 - lane), "8 bytes");
        expect(own.ballot == 0x49249249u, "ballot");
        expect(own.any == 0 && own.all == 1, "any and all");
      }
    });
  });
  run("halves of a warp on ways of their own", [&] {
    in_orders([&] {
      std::vector<int> sums(32);
      launch(
          runtime, "halves",
          +[](int* sums) {
            const bool low = threadIdx.x < 16;
            const unsigned mask = low ? 0xffffu : 0xffff0000u;
            int sum = static_cast<int>(threadIdx.x);
            for (int d = 8; d > (low ? 0 : 1); d /= 2) sum += __shfl_xor_sync(mask, sum, d);
            __syncwarp();
            sums[threadIdx.x] = sum;
          },
          {1, 32}, sums.data());
      for (int i = 0; i < 32; ++i) {
        const int expected = i < 16 ? 120 : i % 2 ? 8 * 24 : 8 * 23;
        expect(sums[static_cast<size_t>(i)] == expected, "lane " + std::to_string(i));
      }
    });
  });
}

TEST(cuda_host_runtime) {
  run("memory is zeroed and aligned", [] {
    Runtime runtime(0);
    for (size_t bytes : {size_t{0}, size_t{1}, size_t{1000}}) {
      auto* memory = static_cast<unsigned char*>(runtime.allocate(bytes));
      expect(reinterpret_cast<uintptr_t>(memory) % 256 == 0, "alignment");
      for (size_t i = 0; i < bytes; ++i) expect(memory[i] == 0, "not zero");
      runtime.release(memory);
    }
    expect_error(Code::memory, {}, [&] { runtime.allocate(~size_t{0}); });
  });
#ifndef __SANITIZE_ADDRESS__
  run("writes beside an allocation are found", [] {
    Runtime runtime(0);
    for (int at : {-1, 10}) {
      auto* memory = static_cast<unsigned char*>(runtime.allocate(10));
      const auto write = +[](unsigned char* memory, int at) { memory[at] = 1; };
      expect_error(Code::internal, {"write", "allocation of 10 bytes"}, [&] {
        launch(runtime, "write", write, {1, 1}, memory, at);
      });
      runtime.release(memory);
    }
    auto* memory = static_cast<unsigned char*>(runtime.workspace(20));
    expect_error(Code::internal, {"20 bytes of its workspace"}, [&] {
      launch(
          runtime, "write", +[](unsigned char* memory) { memory[20] = 1; }, {1, 1}, memory);
    });
  });
#endif
  run("rows are copied with strides", [] {
    Runtime runtime(0);
    const std::vector<float> from = counted(12);
    std::vector<float> back(8, -1);
    void* device = runtime.allocate(60);
    runtime.upload(device, 20, from.data(), 16, 12, 3);
    runtime.download(back.data(), 8, static_cast<char*>(device) + 4, 20, 8, 3);
    expect(back == std::vector<float>({1, 2, 5, 6, 9, 10, -1, -1}), "values");
    runtime.release(device);
  });
  run("workspace is NaN at each call", [] {
    Runtime runtime(0);
    for (int turn = 0; turn < 2; ++turn) {
      auto* values = static_cast<float*>(runtime.workspace(64));
      for (int i = 0; i < 16; ++i) expect(std::isnan(values[i]), "a number");
      values[3] = 1;
    }
    expect_error(Code::internal, {}, [&] { runtime.workspace(Runtime::kWorkspace + 1); });
  });
  run("what repeats is recorded the second time", [] {
    Runtime runtime(0);
    auto* value = static_cast<float*>(runtime.allocate(8));
    int calls = 0;
    const auto work = [&] {
      ++calls;
      auto* between = static_cast<float*>(runtime.workspace(4));
      launch(
          runtime, "first", +[](float* to, const float* from) { *to = *from + 1; }, {1, 1}, between,
          value);
      launch(
          runtime, "second", +[](float* to, const float* from) { *to = 2 * *from; }, {1, 1}, value,
          between);
      runtime.zero(value + 1, 4);
    };
    value[0] = 0;
    const float expected[] = {2, 6, 14, 30};
    for (int turn = 0; turn < 4; ++turn) {
      value[1] = 5;
      runtime.repeat(7, work);
      expect(value[0] == expected[turn] && value[1] == 0, "turn " + std::to_string(turn));
    }
    expect(calls == 2, "called " + std::to_string(calls) + " times");
    runtime.repeat(8, work);
    expect(calls == 3, "another key");
    runtime.release(value);
  });
  run("what repeats may not copy or wait", [] {
    Runtime runtime(0);
    float x = 0;
    for (uint64_t key = 0; key < 2; ++key) {
      expect_error(Code::internal, {},
                   [&] { runtime.repeat(key, [&] { runtime.upload(&x, 4, &x, 4, 4, 1); }); });
      expect_error(Code::internal, {},
                   [&] { runtime.repeat(key + 2, [&] { runtime.synchronize(); }); });
      expect_error(Code::internal, {},
                   [&] { runtime.repeat(key + 4, [&] { runtime.repeat(9, [] {}); }); });
    }
  });
}

}  // namespace
}  // namespace attune::test
