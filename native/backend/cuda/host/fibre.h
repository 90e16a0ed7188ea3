// A stack of its own to run code on, entered and left at will, within one thread of the system.
#pragma once
#include <cstddef>

namespace attune::cuda::host {

class Fibre {
 public:
  /** The stack that the calling thread runs on. */
  Fibre();
  /** `body(argument)` runs on the fibre from the first switch to it on, and must never return. */
  Fibre(void (*body)(void*), void* argument);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /** Called on this fibre: goes on with `other` until something switches back. */
  void switch_to(Fibre& other);

 private:
  struct Context;
  static void enter();
  static void arrived();

  void (*body_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* memory_ =
      nullptr;  // a page that may not be touched, then the stack, which grows down to it
  Context* context_;
  // For the address sanitizer: where the stack is, and its notes on frames.
  const void* stack_ = nullptr;
  size_t size_ = 0;
  void* fake_ = nullptr;
};

}  // namespace attune::cuda::host
