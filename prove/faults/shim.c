// Preloaded into a process: makes one call on a file below a folder fail.
//   ATTUNE_FAULT_DIR    the folder; calls elsewhere are not counted
//   ATTUNE_FAULT        write, sync, rename, open or read
//   ATTUNE_FAULT_AT     which of those calls fails, from 1; 0: none
//   ATTUNE_FAULT_ERROR  the error's number; 0: a short write or read of one byte
//   ATTUNE_FAULT_COUNT  a file of 8 bytes where the calls are counted
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder, *kind;
static uint64_t at;
static int error_number;
static uint64_t *count;

__attribute__((constructor)) static void start(void) {
  folder = getenv("ATTUNE_FAULT_DIR");
  kind = getenv("ATTUNE_FAULT");
  const char *path = getenv("ATTUNE_FAULT_COUNT");
  if (!folder || !kind || !path) return;
  at = strtoull(getenv("ATTUNE_FAULT_AT"), NULL, 10);
  error_number = atoi(getenv("ATTUNE_FAULT_ERROR"));
  const int file = open(path, O_RDWR);
  if (file < 0) return;
  void *memory = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) count = memory;
}

static int below(const char *path) {
  return path && strncmp(path, folder, strlen(folder)) == 0;
}

static int of_file(int file) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return below(path);
}

/** Whether this call is the one. */
static int strikes(const char *what, int concerned) {
  if (!count || strcmp(what, kind) != 0 || !concerned) return 0;
  return __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) == at;
}

#define REAL(result, name, ...)                 \
  static result (*real)(__VA_ARGS__);           \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

#define FAIL_OR_SHORTEN(size)                   \
  do {                                          \
    if (error_number) {                         \
      errno = error_number;                     \
      return -1;                                \
    }                                           \
    if (size > 1) size = 1;                     \
  } while (0)

#define AT_OFFSET(name, kind_, pointer)                                   \
  ssize_t name(int file, pointer data, size_t size, off_t offset) {       \
    REAL(ssize_t, name, int, pointer, size_t, off_t);                     \
    if (strikes(kind_, count && of_file(file))) FAIL_OR_SHORTEN(size);    \
    return real(file, data, size, offset);                                \
  }
AT_OFFSET(pwrite, "write", const void *)
AT_OFFSET(pwrite64, "write", const void *)
AT_OFFSET(pread, "read", void *)
AT_OFFSET(pread64, "read", void *)

#define IN_ORDER(name, kind_, pointer)                                    \
  ssize_t name(int file, pointer data, size_t size) {                     \
    REAL(ssize_t, name, int, pointer, size_t);                            \
    if (strikes(kind_, count && of_file(file))) FAIL_OR_SHORTEN(size);    \
    return real(file, data, size);                                        \
  }
IN_ORDER(write, "write", const void *)
IN_ORDER(read, "read", void *)

#define VECTOR(name, kind_)                                               \
  ssize_t name(int file, const struct iovec *parts, int number) {         \
    REAL(ssize_t, name, int, const struct iovec *, int);                  \
    if (strikes(kind_, count && of_file(file))) FAIL_OR_SHORTEN(number);  \
    return real(file, parts, number);                                     \
  }
VECTOR(writev, "write")
VECTOR(readv, "read")

#define SYNC(name)                                                        \
  int name(int file) {                                                    \
    REAL(int, name, int);                                                 \
    if (strikes("sync", count && of_file(file))) {                        \
      errno = error_number ? error_number : EIO;                          \
      return -1;                                                          \
    }                                                                     \
    return real(file);                                                    \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  if (strikes("rename", count && below(to))) {
    errno = error_number ? error_number : EIO;
    return -1;
  }
  return real(from, to);
}

#define OPEN(name)                                                        \
  int name(const char *path, int flags, ...) {                            \
    REAL(int, name, const char *, int, ...);                              \
    va_list rest;                                                         \
    va_start(rest, flags);                                                \
    const int mode = va_arg(rest, int);                                   \
    va_end(rest);                                                         \
    if (strikes("open", count && below(path))) {                          \
      errno = error_number ? error_number : EIO;                          \
      return -1;                                                          \
    }                                                                     \
    return real(path, flags, mode);                                       \
  }
OPEN(open)
OPEN(open64)
