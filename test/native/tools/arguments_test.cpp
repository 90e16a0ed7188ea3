// A command line: what is no option, no number or no whole number is refused by name.
#include "tools/arguments.h"

#include "core/error.h"
#include "harness.h"

namespace attune::test {
namespace {

Arguments given(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return Arguments(static_cast<int>(pointers.size()), pointers.data(), {"steps", "device"});
}

void expect_refused(const std::vector<std::string>& words, const std::string& message) {
  try {
    given(words).integer("steps", 0);
  } catch (const Error& error) {
    expect(std::string(error.what()).find(message) != std::string::npos, error.what());
    return;
  }
  fail(words.back() + " was taken");
}

TEST(arguments) {
  run("arguments/read", [] {
    const Arguments read = given({"program", "a", "--steps", "12", "b"});
    expect(read.integer("steps", 3) == 12, "the number is 12");
    expect(read.text("device", "cpu") == "cpu", "what is not given is the fallback");
    expect(read.words() == std::vector<std::string>{"a", "b"}, "two words");
  });
  run("arguments/refused", [] {
    expect_refused({"program", "--stesp", "1"}, "--stesp is unknown; there are --steps --device");
    expect_refused({"program", "--steps"}, "--steps needs a value");
    expect_refused({"program", "--steps", "3x"}, "--steps: 3x is no number");
    for (const char* value : {"1.5", "1e300", "-1e300", "nan", "inf"})
      expect_refused({"program", "--steps", value}, "--steps is a whole number");
  });
}

}  // namespace
}  // namespace attune::test
