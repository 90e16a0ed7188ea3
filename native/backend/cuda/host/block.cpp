#include "backend/cuda/host/block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "core/error.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace attune::cuda::host {

__thread Place place = {};

namespace {

constexpr size_t kGuard = 1024;  // bytes behind shared memory that must stay as they are
constexpr size_t kPage = 4096, kRoom = (kMostShared / kPage + 3) * kPage;
constexpr unsigned char kPoison = 0xff, kUntouched = 0xa5;

std::string threads_text(int first, int last) {
  return first == last ? "thread " + std::to_string(first)
                       : "threads " + std::to_string(first) + " to " + std::to_string(last);
}

std::string text(const uint3& at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) +
         ")";
}

std::string hex(uint32_t mask) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08x", mask);
  return digits;
}

uint3 unravel(int64_t index, const dim3& size) {
  return {static_cast<unsigned>(index % size.x), static_cast<unsigned>(index / size.x % size.y),
          static_cast<unsigned>(index / size.x / size.y)};
}

Order order_of_environment() {
  const char* value = std::getenv("ATTUNE_HOST_ORDER");
  const std::string word = value ? value : "forward";
  if (word == "forward") return {};
  if (word == "reverse") return {Order::reverse, 0};
  check(word.rfind("shuffle:", 0) == 0, Code::config, "ATTUNE_HOST_ORDER",
        "'" + word + "' is not forward, reverse or shuffle:SEED");
  return {Order::shuffle, std::strtoull(word.c_str() + 8, nullptr, 10)};
}

}  // namespace

void Block::Free::operator()(unsigned char* memory) const { std::free(memory); }

Block::Block() : shared_(static_cast<unsigned char*>(std::aligned_alloc(kPage, kRoom))) {
  check(shared_ != nullptr, Code::memory, "shared memory", "no memory for it");
  set_order(order_of_environment());
}

Block& Block::of_this_thread() {
  thread_local Block block;
  return block;
}

void Block::set_order(const Order& order) {
  order_ = order;
  random_.seed(order.seed);
}

/** 0 … count - 1 as the order wants them. */
template <class T>
void Block::arrange(std::vector<T>& items, int64_t count) {
  items.resize(static_cast<size_t>(count));
  std::iota(items.begin(), items.end(), T{0});
  if (order_.kind == Order::reverse) std::reverse(items.begin(), items.end());
  if (order_.kind == Order::shuffle) std::shuffle(items.begin(), items.end(), random_);
}

void Block::run(const char* name, const dim3& grid, const dim3& block, size_t shared,
                const std::function<void()>& thread) {
  name_ = name;
  thread_ = &thread;
  shared_size_ = shared;
  count_ = static_cast<int>(block.x * block.y * block.z);
  const auto count = static_cast<size_t>(count_);
  if (threads_.size() < count) {
    threads_.resize(count);
    warps_.resize((count + kWarp - 1) / kWarp);
  }
  for (int i = 0; i < count_; ++i) threads_[static_cast<size_t>(i)].place = unravel(i, block);
  place.block_size = block;
  place.grid_size = grid;
  arrange(blocks_, int64_t{grid.x} * grid.y * grid.z);
  for (int64_t index : blocks_) {
    place.block = unravel(index, grid);
    run_block();
  }
}

void Block::run_block() {
  poison_shared();
  phases_.assign(static_cast<size_t>(count_), Phase::fresh);
  for (Warp& warp : warps_) warp.gathered = 0;
  hopper_.begin_block((count_ + kWarp - 1) / kWarp);
  ended_ = at_barrier_ = 0;
  failure_ = nullptr;
  turn_ = 0;
  arrange(turns_, count_);
  go_on(outside_);
  if (ended_ < count_ && !failure_)
    failure_ = std::make_exception_ptr(Error(Code::internal, name_, stuck()));
  if (!failure_) {
    check(hopper_.undone().empty(), Code::internal, name_,
          "block " + text(place.block) + " ends with " + hopper_.undone());
    return check_shared();
  }
  idle_.clear();  // threads that wait are abandoned where they are
  fibres_.clear();
  for (Thread& thread : threads_) thread.copies.clear();
  std::rethrow_exception(failure_);
}

bool Block::can_go_on(int thread) {
  Phase& phase = phases_[static_cast<size_t>(thread)];
  if (phase == Phase::at_condition && (*threads_[static_cast<size_t>(thread)].ready)())
    phase = Phase::ready;
  return phase == Phase::fresh || phase == Phase::ready;
}

/**
 * The next thread that can run; -1 where none can, or none should. Tiles land when there is no
 * other way on, since a device may take as long.
 */
int Block::next() {
  if (failure_ || ended_ == count_) return -1;
  do {
    for (int looked = 0; looked < 2 * count_; ++looked) {
      if (turn_ == turns_.size()) {
        turn_ = 0;
        if (order_.kind == Order::shuffle) arrange(turns_, count_);
      }
      const int thread = turns_[turn_++];
      if (can_go_on(thread)) return thread;
    }
  } while (hopper_.land(order_.kind == Order::reverse   ? hopper_.copies.size() - 1
                        : order_.kind == Order::shuffle ? random_()
                                                        : 0));
  return -1;
}

/** Where a thread goes on, or begins. */
Fibre& Block::fibre_of(int thread) {
  Fibre*& fibre = threads_[static_cast<size_t>(thread)].fibre;
  if (phases_[static_cast<size_t>(thread)] != Phase::fresh) return *fibre;
  if (idle_.empty()) {
    fibres_.push_back(
        std::make_unique<Fibre>([](void* block) { static_cast<Block*>(block)->work(); }, this));
    idle_.push_back(fibres_.back().get());
  }
  fibre = idle_.back();
  idle_.pop_back();
  return *fibre;
}

/** From a stack that has nothing to do for now to the next thread's, or outside. */
void Block::go_on(Fibre& from) {
  const int thread = next();
  if (thread < 0) {
    if (&from != &outside_) from.switch_to(outside_);
    return;
  }
  Fibre& to = fibre_of(thread);
  running_ = thread;
  if (&to != &from) from.switch_to(to);
}

/** The life of a fibre: thread after thread, each to its end. */
void Block::work() {
  for (;;) {
    Fibre& own = *threads_[static_cast<size_t>(running_)].fibre;
    run_thread();
    idle_.push_back(&own);  // a thread that has yet to begin goes on here, which spares a switch
    go_on(own);
  }
}

void Block::run_thread() {
  Thread& thread = threads_[static_cast<size_t>(running_)];
  phases_[static_cast<size_t>(running_)] = Phase::ready;
  place.thread = thread.place;
  thread.copy_group = 0;
  try {
    (*thread_)();
    if (hopper_.products(running_ / kWarp)) fail("ends with products that it has not waited for");
    if (!thread.copies.empty()) fail("ends with copies that it has not waited for");
  } catch (...) {
    failure_ = std::current_exception();
  }
  phases_[static_cast<size_t>(running_)] = Phase::ended;
  ++ended_;
}

void Block::wait(Phase phase) {
  const Thread& thread = threads_[static_cast<size_t>(running_)];
  phases_[static_cast<size_t>(running_)] = phase;
  go_on(*thread.fibre);
  place.thread = thread.place;
}

void Block::wait_until(const char* what, int64_t which, const std::function<bool()>& ready) {
  if (ready()) return;
  Thread& thread = threads_[static_cast<size_t>(running_)];
  thread.what = what;
  thread.which = which;
  thread.ready = &ready;
  wait(Phase::at_condition);
}

void Block::hand_over() {
  for (int i = 0; i < count_; ++i) {
    if (phases_[static_cast<size_t>(i)] != Phase::at_condition || !can_go_on(i)) continue;
    const Thread& own = threads_[static_cast<size_t>(running_)];
    running_ = i;
    own.fibre->switch_to(*threads_[static_cast<size_t>(i)].fibre);
    place.thread = own.place;
    return;
  }
}

void Block::barrier() {
  if (++at_barrier_ < count_) return wait(Phase::at_barrier);
  at_barrier_ = 0;
  std::fill(phases_.begin(), phases_.end(), Phase::ready);
}

void Block::collective(const char* what, uint32_t mask, void* operand, Combine combine) {
  const int first = running_ / kWarp * kWarp, self = running_ - first;
  if (!(mask >> self & 1)) fail(std::string(what) + " with a mask that leaves the lane itself out");
  Warp& warp = warps_[static_cast<size_t>(running_ / kWarp)];
  warp.gathered |= uint32_t{1} << self;
  warp.what[self] = what;
  warp.mask[self] = mask;
  warp.operand[self] = operand;
  if ((warp.gathered & mask) != mask) {
    if (first + kWarp > count_ && mask >> (count_ - first))
      fail(std::string(what) + " with a mask beyond the block");
    return wait(Phase::at_collective);
  }
  for (int i = 0; i < kWarp; ++i) {
    if (!(mask >> i & 1)) continue;
    if (warp.mask[i] != mask || (warp.what[i] != what && std::strcmp(warp.what[i], what) != 0))
      return wait(Phase::at_collective);
  }
  combine(mask, warp.operand);
  warp.gathered &= ~mask;
  for (int i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) phases_[static_cast<size_t>(first + i)] = Phase::ready;
  }
}

void Block::fail(const std::string& what) const {
  throw Error(Code::internal, name_,
              "block " + text(place.block) + ", thread " + text(place.thread) + ": " + what);
}

std::string Block::state_of(int thread) const {
  const Warp& warp = warps_[static_cast<size_t>(thread / kWarp)];
  switch (phases_[static_cast<size_t>(thread)]) {
    case Phase::at_barrier:
      return "at a barrier of the block";
    case Phase::at_collective:
      return std::string("at ") + warp.what[thread % kWarp] + " of lanes " +
             hex(warp.mask[thread % kWarp]);
    case Phase::at_condition:
      return std::string("at ") + threads_[static_cast<size_t>(thread)].what + " " +
             std::to_string(threads_[static_cast<size_t>(thread)].which);
    case Phase::ended:
      return "ended";
    default:
      return "not at a wait";
  }
}

/** Every thread waits or has ended, and some wait. */
std::string Block::stuck() const {
  std::string message = "block " + text(place.block) + " waits for ever: ";
  int first = 0;
  for (int i = 1; i <= count_; ++i) {
    const std::string state = state_of(first);
    if (i < count_ && state_of(i) == state) continue;
    message += (first ? "; " : "") + threads_text(first, i - 1) + " " + state;
    first = i;
  }
  return message;
}

void Block::poison_shared() {
  unsigned char* memory = shared_.get();
#ifdef __SANITIZE_ADDRESS__
  ASAN_UNPOISON_MEMORY_REGION(memory, kRoom);
#endif
  std::memset(memory, kPoison, shared_size_);
  std::memset(memory + shared_size_, kUntouched, kGuard);
#ifdef __SANITIZE_ADDRESS__
  ASAN_POISON_MEMORY_REGION(memory + shared_size_, kRoom - shared_size_);
#endif
}

void Block::check_shared() const {
#ifndef __SANITIZE_ADDRESS__
  const unsigned char* behind = shared_.get() + shared_size_;
  const bool whole =
      std::all_of(behind, behind + kGuard, [](unsigned char byte) { return byte == kUntouched; });
  check(whole, Code::internal, name_,
        "block " + text(place.block) + " writes beyond its " + std::to_string(shared_size_) +
            " bytes of shared memory");
#endif
}

// What kernels call.
int thread() { return Block::of_this_thread().running(); }
int lane() { return thread() % kWarp; }
void barrier() { Block::of_this_thread().barrier(); }
void collective(const char* what, uint32_t mask, void* operand, Combine combine) {
  Block::of_this_thread().collective(what, mask, operand, combine);
}
void fail(const char* what) { Block::of_this_thread().fail(what); }

}  // namespace attune::cuda::host

unsigned char* attune::cuda::shared_memory() {
  return attune::cuda::host::Block::of_this_thread().shared();
}
