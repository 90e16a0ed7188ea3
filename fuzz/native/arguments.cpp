// A command line of words out of the bytes of an input, each ended by a line feed.
#include "core/error.h"
#include "fuzz.h"
#include "tools/arguments.h"

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words{"program"};
  for (size_t i = 0; i < size; ++i) {
    if (i == 0 || data[i] == '\n') words.emplace_back();
    if (data[i] != '\n') words.back() += static_cast<char>(data[i]);
  }
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  try {
    const Arguments given(static_cast<int>(pointers.size()), pointers.data(), {"steps", "device"});
    given.text("device", "cpu");
    const double number = given.number("steps", 3);
    require(static_cast<double>(given.integer("steps", 3)) == number);
  } catch (const Error& error) {
    require(error.code() == Code::config);
  }
  return 0;
}
