// The one error that native code throws. Nothing in native/ ends the process.
#pragma once
#include <stdexcept>
#include <string>

namespace attune {

/** Closed list, mirrored by `ErrorCode` in src/errors.ts. */
enum class Code {
  config,
  data,
  tokenizer,
  checkpoint,
  shape,
  memory,
  device,
  non_finite,
  disposed,
  internal
};

inline const char* code_name(Code code) {
  switch (code) {
    case Code::config:
      return "config";
    case Code::data:
      return "data";
    case Code::tokenizer:
      return "tokenizer";
    case Code::checkpoint:
      return "checkpoint";
    case Code::shape:
      return "shape";
    case Code::memory:
      return "out_of_memory";
    case Code::device:
      return "device";
    case Code::non_finite:
      return "non_finite";
    case Code::disposed:
      return "disposed";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

/** `op` names the operation that refused; the message carries the offending values. */
class Error : public std::runtime_error {
 public:
  Error(Code code, std::string op, const std::string& message)
      : std::runtime_error("[" + op + "] " + message), code_(code), op_(std::move(op)) {}
  Code code() const { return code_; }
  const std::string& op() const { return op_; }

 private:
  Code code_;
  std::string op_;
};

inline void check(bool condition, Code code, const char* op, const std::string& message) {
  if (!condition) throw Error(code, op, message);
}
/** The same without making a string where the condition holds. */
inline void check(bool condition, Code code, const char* op, const char* message) {
  if (!condition) throw Error(code, op, message);
}

}  // namespace attune
