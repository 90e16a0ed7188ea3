#include "backend/cuda/host/fibre.h"

#include <sys/mman.h>

#include <cstdint>
#include <string>

#include "core/error.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__) || defined(ATTUNE_UCONTEXT)
#include <ucontext.h>
#endif

namespace attune::cuda::host {
namespace {

constexpr size_t kPage = 65536;  // the largest page of any system
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kStack = size_t{1} << 20;  // the sanitizer spreads frames out
#else
constexpr size_t kStack = size_t{256} << 10;
#endif

thread_local Fibre* entering = nullptr;  // the one that runs for the first time

}  // namespace

#if defined(__x86_64__) && !defined(ATTUNE_UCONTEXT)
// What the calling convention keeps across a call lies on the stack that is left; its top is noted.
// System V ABI: rbx, rbp, r12 to r15, and the rounding modes, which nothing here changes.
extern "C" void attune_switch_stack(void** leave, void* enter);
asm(R"(
.text
.p2align 4
.hidden attune_switch_stack
.globl attune_switch_stack
.type attune_switch_stack, @function
attune_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size attune_switch_stack, . - attune_switch_stack
)");

struct Fibre::Context {
  Context(void* stack, void (*enter)()) {
    auto* top = reinterpret_cast<uint64_t*>(static_cast<uint8_t*>(stack) + kStack);
    *--top = 0;  // no caller: unwinding ends here
    *--top = reinterpret_cast<uint64_t>(enter);
    top -= 6;  // the registers, whatever they hold
    inner = top;
  }
  void go_in() { attune_switch_stack(&outer, inner); }
  void go_out() { attune_switch_stack(&inner, outer); }

  void* inner = nullptr;
  void* outer = nullptr;
};
#else
struct Fibre::Context {
  Context(void* stack, void (*enter)()) {
    getcontext(&inner);
    inner.uc_stack.ss_sp = stack;
    inner.uc_stack.ss_size = kStack;
    inner.uc_link = nullptr;
    makecontext(&inner, enter, 0);
  }
  void go_in() { swapcontext(&outer, &inner); }
  void go_out() { swapcontext(&inner, &outer); }

  ucontext_t inner, outer;
};
#endif

Fibre::Fibre(void (*body)(void*), void* argument) : body_(body), argument_(argument) {
  memory_ =
      mmap(nullptr, kPage + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory_ != MAP_FAILED, Code::memory, "fibre", "no memory for a stack");
  mprotect(memory_, kPage, PROT_NONE);
  context_ = new Context(static_cast<uint8_t*>(memory_) + kPage, enter);
}

Fibre::~Fibre() {
  delete context_;
#ifdef __SANITIZE_ADDRESS__
  // Frames that were abandoned have left their marks.
  ASAN_UNPOISON_MEMORY_REGION(static_cast<uint8_t*>(memory_) + kPage, kStack);
#endif
  munmap(memory_, kPage + kStack);
}

void Fibre::enter() {
  Fibre* fibre = entering;
  fibre->switched(nullptr);
  fibre->body_(fibre->argument_);
}

/** On the fibre, after each switch to it. */
void Fibre::switched([[maybe_unused]] void* fake_stack) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, &outer_stack_, &outer_size_);
#endif
}

void Fibre::resume() {
  entering = this;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&outer_fake_, static_cast<uint8_t*>(memory_) + kPage, kStack);
#endif
  context_->go_in();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(outer_fake_, nullptr, nullptr);
#endif
}

void Fibre::pause() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fake_, outer_stack_, outer_size_);
#endif
  context_->go_out();
  switched(fake_);
}

}  // namespace attune::cuda::host
