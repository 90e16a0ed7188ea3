// Memory straight from the kernel: zeros that cost nothing until they are touched. It goes back as
// a whole, and the heap is left as it was.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/error.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace attune {

class Pages {
 public:
  Pages() = default;
  /**
   * Throws Code::memory, under the name of `op`, where there is none. Huge pages make access faster
   * and may have to be put together first: they pay where the memory is used more than once.
   */
  Pages(size_t bytes, const char* op, bool huge) : size_(bytes) {
    if (bytes == 0) return;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw Error(Code::memory, op, "no memory for " + std::to_string(bytes) + " bytes");
    data_ = static_cast<uint8_t*>(memory);
#ifdef MADV_HUGEPAGE
    if (huge && bytes >= kHuge) madvise(data_, bytes, MADV_HUGEPAGE);
#endif
  }
  Pages(Pages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Pages() {
    if (!data_) return;
#ifdef __SANITIZE_ADDRESS__
    ASAN_UNPOISON_MEMORY_REGION(data_, size_);  // the gaps of arenas
#endif
    munmap(data_, size_);
  }

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kHuge = size_t{2} << 20;  // less would take a huge page for itself
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace attune
