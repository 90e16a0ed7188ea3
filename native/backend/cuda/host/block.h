// One block of threads at a time, until each has ended.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backend/cuda/host/fibre.h"
#include "backend/cuda/host/hopper.h"
#include "backend/cuda/host/launch.h"

namespace attune::cuda::host {

constexpr int kMostThreads = 1024;
constexpr size_t kMostShared = size_t{227} << 10;

/** A copy that has begun: what it read, until the thread waits for it. */
struct Copy {
  void* to;
  unsigned char bytes[16];
  int group;
};

/** Each thread of the system has one, and reuses its memory. */
class Block {
 public:
  static Block& of_this_thread();

  /** Runs one grid. */
  void run(const char* name, const dim3& grid, const dim3& block, size_t shared,
           const std::function<void()>& thread);

  // Called by the kernel's threads.
  int running() const { return running_; }
  unsigned char* shared() { return shared_.get(); }
  std::vector<Copy>& copies() { return threads_[static_cast<size_t>(running_)].copies; }
  int& copy_group() { return threads_[static_cast<size_t>(running_)].copy_group; }
  Hopper& hopper() { return hopper_; }
  size_t shared_size() const { return shared_size_; }
  void barrier();
  /** Goes on when `ready` holds; the thread waits for `what`, number `which`. */
  void wait_until(const char* what, int64_t which, const std::function<bool()>& ready);
  /** A thread whose condition now holds goes on at once, and this one in its turn. */
  void hand_over();
  void collective(const char* what, uint32_t mask, void* operand, Combine combine);
  [[noreturn]] void fail(const std::string& what) const;

  void set_order(const Order& order);

 private:
  enum class Phase : uint8_t { fresh, ready, at_barrier, at_collective, at_condition, ended };
  struct Thread {
    uint3 place = {};
    Fibre* fibre = nullptr;
    std::vector<Copy> copies;
    int copy_group = 0;
    const char* what = "";  // where the thread is at a condition
    int64_t which = 0;
    const std::function<bool()>* ready = nullptr;
  };
  /** What its lanes wait for, where they are at a collective. */
  struct Warp {
    uint32_t gathered = 0;  // the lanes that are
    uint32_t mask[kWarp];
    const char* what[kWarp];
    void* operand[kWarp];
  };
  struct Free {
    void operator()(unsigned char* memory) const;
  };

  Block();
  void run_block();
  int next();
  bool can_go_on(int thread);
  Fibre& fibre_of(int thread);
  void go_on(Fibre& from);
  void work();
  void run_thread();
  void wait(Phase phase);
  template <class T>
  void arrange(std::vector<T>& items, int64_t count);
  void poison_shared();
  void check_shared() const;
  std::string stuck() const;
  std::string state_of(int thread) const;

  const char* name_ = "";
  const std::function<void()>* thread_ = nullptr;
  size_t shared_size_ = 0;
  std::unique_ptr<unsigned char, Free> shared_;
  // Of the block's threads and warps, at least as many as it has.
  std::vector<Thread> threads_;
  std::vector<Phase> phases_;
  std::vector<Warp> warps_;
  Hopper hopper_;
  int count_ = 0, running_ = 0, ended_ = 0, at_barrier_ = 0;
  std::vector<int64_t> blocks_;  // in the order they run
  std::vector<int> turns_;       // the same of threads
  size_t turn_ = 0;              // whose comes next
  Fibre outside_;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre*> idle_;
  std::exception_ptr failure_;
  Order order_;
  std::mt19937_64 random_;
};

}  // namespace attune::cuda::host
