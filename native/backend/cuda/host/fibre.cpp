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

// The last switch of this thread.
__thread Fibre* left = nullptr;
__thread Fibre* entered = nullptr;

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
  Context() = default;
  Context(void* stack, void (*enter)()) {
    auto* top = reinterpret_cast<uint64_t*>(static_cast<uint8_t*>(stack) + kStack);
    *--top = 0;  // no caller: unwinding ends here
    *--top = reinterpret_cast<uint64_t>(enter);
    top -= 6;  // the registers, whatever they hold
    at = top;
  }
  void switch_to(const Context& other) { attune_switch_stack(&at, other.at); }

  void* at = nullptr;
};
#else
struct Fibre::Context {
  Context() = default;
  Context(void* stack, void (*enter)()) {
    getcontext(&at);
    at.uc_stack.ss_sp = stack;
    at.uc_stack.ss_size = kStack;
    at.uc_link = nullptr;
    makecontext(&at, enter, 0);
  }
  void switch_to(const Context& other) { swapcontext(&at, &other.at); }

  ucontext_t at;
};
#endif

Fibre::Fibre() : context_(new Context()) {}

Fibre::Fibre(void (*body)(void*), void* argument) : body_(body), argument_(argument) {
  memory_ =
      mmap(nullptr, kPage + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory_ != MAP_FAILED, Code::memory, "fibre", "no memory for a stack");
  mprotect(memory_, kPage, PROT_NONE);
  stack_ = static_cast<uint8_t*>(memory_) + kPage;
  size_ = kStack;
  context_ = new Context(const_cast<void*>(stack_), enter);
}

Fibre::~Fibre() {
  delete context_;
  if (!memory_) return;
#ifdef __SANITIZE_ADDRESS__
  ASAN_UNPOISON_MEMORY_REGION(stack_, size_);  // frames that were abandoned have left their marks
#endif
  munmap(memory_, kPage + kStack);
}

void Fibre::enter() {
  arrived();
  entered->body_(entered->argument_);
}

/** On a fibre, after each switch to it. */
void Fibre::arrived() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(entered->fake_, &left->stack_, &left->size_);
#endif
}

void Fibre::switch_to(Fibre& other) {
  left = this;
  entered = &other;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fake_, other.stack_, other.size_);
#endif
  context_->switch_to(*other.context_);
  arrived();
}

}  // namespace attune::cuda::host
