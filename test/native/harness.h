// A test harness in two files. A TEST enumerates its cases; `run` executes one of them.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace attune::test {

struct Counts {
  int passed = 0, failed = 0, skipped = 0;
};

/** Runs a case whose full name contains the filter; an exception fails it. */
void run(const std::string& name, const std::function<void()>& body);

/** These speak of the case that is running. The first few failures of a case are printed. */
void fail(const std::string& message);
void skip(const std::string& reason);
inline void expect(bool condition, const std::string& message) {
  if (!condition) fail(message);
}

/**
 * |actual - expected| <= tolerance * (|expected| + scale), each element finite; scale is the
 * largest |expected|, at least `floor`: the natural size of a quantity that may be small by
 * cancellation.
 */
void expect_close(const std::string& what, const std::vector<double>& actual,
                  const std::vector<double>& expected, double tolerance, double floor = 0);

struct Registration {
  Registration(const char* name, void (*enumerate)());
};

#define TEST(name)                                                                      \
  static void enumerate_##name();                                                       \
  static const ::attune::test::Registration registered_##name(#name, enumerate_##name); \
  static void enumerate_##name()

}  // namespace attune::test
