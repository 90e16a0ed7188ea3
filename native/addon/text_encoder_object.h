// The text encoder as a JavaScript object; it works on the thread that calls it, and nobody else's.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "text/text_encoder.h"

namespace attune {

class TextEncoderObject : public Napi::ObjectWrap<TextEncoderObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit TextEncoderObject(const Napi::CallbackInfo&);

 private:
  Napi::Value encode(const Napi::CallbackInfo&);
  Napi::Value take(const Napi::CallbackInfo&);
  /** Writes the tokens to arguments `first`, the ids, and the next, from the place after that. */
  void copy(const Napi::CallbackInfo&, size_t first);

  std::unique_ptr<TextEncoder> encoder_;
  char16_t mark_ = 0;
  std::u16string text_;
};

}  // namespace attune
