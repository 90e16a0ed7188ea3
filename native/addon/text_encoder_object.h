// The text encoder as a JavaScript object; it works on the thread that calls it, and nobody else's.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "text/text_encoder.h"

namespace attune {

class TextEncoderObject : public Napi::ObjectWrap<TextEncoderObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit TextEncoderObject(const Napi::CallbackInfo&);

 private:
  Napi::Value encode(const Napi::CallbackInfo&);
  Napi::Value take(const Napi::CallbackInfo&);
  /** Reads a string into text_, behind the mark if prefixed; returns its units. */
  size_t read(const Napi::Value& value, bool prefixed);
  /** Writes the tokens to arguments `first`, the ids, and the next, from the place after that. */
  void copy(const Napi::CallbackInfo&, size_t first);

  std::unique_ptr<TextEncoder> encoder_;
  char16_t mark_ = 0;
  std::vector<char16_t> text_;
};

}  // namespace attune
