// A stack of its own to run code on, entered and left at will, within one thread of the system.
#pragma once
#include <cstddef>

namespace attune::cuda::host {

class Fibre {
 public:
  /** `body(argument)` runs on the fibre from the first `resume` on, and must never return. */
  Fibre(void (*body)(void*), void* argument);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /** From outside: runs the fibre until it pauses. */
  void resume();
  /** On the fibre: back to where it was resumed. */
  void pause();

 private:
  struct Context;
  static void enter();
  void switched(void* fake_stack);

  void (*body_)(void*);
  void* argument_;
  void* memory_;  // a page that may not be touched, then the stack, which grows down to it
  Context* context_;
  // Where it was resumed from, and the sanitizer's notes on both stacks.
  const void* outer_stack_ = nullptr;
  size_t outer_size_ = 0;
  void* outer_fake_ = nullptr;
  void* fake_ = nullptr;
};

}  // namespace attune::cuda::host
