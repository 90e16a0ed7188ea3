// Preloaded into a process: records what it does to files below a folder, in order.
//   ATTUNE_TRACE_DIR   the folder
//   ATTUNE_TRACE_FILE  where the records go, outside of it
// A record is a line, and for a write its bytes behind it:
//   open CREATE TRUNCATE PATH | write OFFSET LENGTH PATH | size LENGTH PATH | sync PATH
//   rename FROM TO | mkdir PATH | remove PATH | link TARGET PATH
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder;
static int log_file = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  folder = getenv("ATTUNE_TRACE_DIR");
  const char *path = getenv("ATTUNE_TRACE_FILE");
  if (folder && path) {
    log_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  }
}

static int below(const char *path) {
  return log_file >= 0 && path && strncmp(path, folder, strlen(folder)) == 0;
}

/** Whether a file is below the folder, and its path. */
static int path_of(int file, char *path, size_t size) {
  char link[32];
  if (log_file < 0 || file == log_file) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return below(path);
}

static void emit(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    const long done = syscall(SYS_write, log_file, at, length);
    if (done <= 0) abort();
    at += done;
    length -= (size_t)done;
  }
}

static void record(const char *format, ...) {
  char line[9000];
  va_list rest;
  va_start(rest, format);
  const int length = vsnprintf(line, sizeof line, format, rest);
  va_end(rest);
  emit(line, (size_t)length);
}

#define REAL(result, name, ...)                 \
  static result (*real)(__VA_ARGS__);           \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

/** One call at a time, so that the order of the records is the order of the calls. */
#define TRACED(result, call, log)               \
  pthread_mutex_lock(&lock);                    \
  const result done = call;                     \
  if (done >= 0) log;                           \
  pthread_mutex_unlock(&lock);                  \
  return done

static void wrote(int file, const char *path, off_t offset, const void *data, ssize_t size) {
  (void)file;
  record("write %lld %lld %s\n", (long long)offset, (long long)size, path);
  emit(data, (size_t)size);
}

/** Where the next write in order goes. */
static off_t place(int file) {
  struct stat info;
  if (fcntl(file, F_GETFL) & O_APPEND && fstat(file, &info) == 0) return info.st_size;
  return lseek(file, 0, SEEK_CUR);
}

#define WRITE_AT(name)                                                              \
  ssize_t name(int file, const void *data, size_t size, off_t offset) {             \
    REAL(ssize_t, name, int, const void *, size_t, off_t);                          \
    char path[4096];                                                                \
    if (!path_of(file, path, sizeof path)) return real(file, data, size, offset);   \
    TRACED(ssize_t, real(file, data, size, offset), wrote(file, path, offset, data, done)); \
  }
WRITE_AT(pwrite)
WRITE_AT(pwrite64)

ssize_t write(int file, const void *data, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t);
  char path[4096];
  if (!path_of(file, path, sizeof path)) return real(file, data, size);
  const off_t offset = place(file);
  TRACED(ssize_t, real(file, data, size), wrote(file, path, offset, data, done));
}

ssize_t writev(int file, const struct iovec *parts, int number) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  char path[4096];
  if (number < 1 || !path_of(file, path, sizeof path)) return real(file, parts, number);
  return write(file, parts[0].iov_base, parts[0].iov_len);
}

#define SYNC(name)                                                  \
  int name(int file) {                                              \
    REAL(int, name, int);                                           \
    char path[4096];                                                \
    if (!path_of(file, path, sizeof path)) return real(file);       \
    TRACED(int, real(file), record("sync %s\n", path));             \
  }
SYNC(fsync)
SYNC(fdatasync)

#define SIZE(name)                                                              \
  int name(int file, off_t size) {                                              \
    REAL(int, name, int, off_t);                                                \
    char path[4096];                                                            \
    if (!path_of(file, path, sizeof path)) return real(file, size);             \
    TRACED(int, real(file, size), record("size %lld %s\n", (long long)size, path)); \
  }
SIZE(ftruncate)
SIZE(ftruncate64)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  if (!below(to)) return real(from, to);
  TRACED(int, real(from, to), record("rename %s %s\n", from, to));
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  if (!below(path)) return real(path, mode);
  TRACED(int, real(path, mode), record("mkdir %s\n", path));
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  if (!below(path)) return real(path);
  TRACED(int, real(path), record("remove %s\n", path));
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  if (!below(path)) return real(path);
  TRACED(int, real(path), record("remove %s\n", path));
}

int symlink(const char *target, const char *path) {
  REAL(int, symlink, const char *, const char *);
  if (!below(path)) return real(target, path);
  TRACED(int, real(target, path), record("link %s %s\n", target, path));
}

#define OPEN(name)                                                                       \
  int name(const char *path, int flags, ...) {                                           \
    REAL(int, name, const char *, int, ...);                                             \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    const int mode = va_arg(rest, int);                                                  \
    va_end(rest);                                                                        \
    if (!below(path) || !(flags & (O_CREAT | O_TRUNC))) return real(path, flags, mode);  \
    TRACED(int, real(path, flags, mode),                                                 \
           record("open %d %d %s\n", !!(flags & O_CREAT), !!(flags & O_TRUNC), path));   \
  }
OPEN(open)
OPEN(open64)
