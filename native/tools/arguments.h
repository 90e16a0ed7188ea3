// The command line of a native program: words, and options as `--name value`.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"

namespace attune {

class Arguments {
 public:
  /** Throws Code::config for an option that is not `known`, naming those that are. */
  Arguments(int argc, char** argv, const std::vector<std::string>& known) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word.compare(0, 2, "--") != 0) {
        words_.push_back(word);
        continue;
      }
      const std::string name = word.substr(2);
      std::string names;
      for (const std::string& one : known) names += " --" + one;
      check(std::find(known.begin(), known.end(), name) != known.end(), Code::config, "arguments",
            word + " is unknown; there are" + names);
      check(i + 1 < argc, Code::config, "arguments", word + " needs a value");
      values_[name] = argv[++i];
    }
  }

  const std::vector<std::string>& words() const { return words_; }
  bool has(const std::string& name) const { return values_.count(name) > 0; }

  std::string text(const std::string& name, const std::string& fallback) const {
    const auto found = values_.find(name);
    return found == values_.end() ? fallback : found->second;
  }
  double number(const std::string& name, double fallback) const {
    if (!has(name)) return fallback;
    const std::string& given = values_.at(name);
    char* end = nullptr;
    const double value = std::strtod(given.c_str(), &end);
    check(!given.empty() && *end == '\0', Code::config, "arguments",
          "--" + name + ": " + given + " is no number");
    return value;
  }
  int64_t integer(const std::string& name, int64_t fallback) const {
    const double value = number(name, static_cast<double>(fallback));
    check(std::floor(value) == value && std::fabs(value) <= 9007199254740991.0, Code::config,
          "arguments", "--" + name + " is a whole number of at most 2^53 - 1");
    return static_cast<int64_t>(value);
  }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::string> values_;
};

}  // namespace attune
