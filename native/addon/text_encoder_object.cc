#include "addon/text_encoder_object.h"

#include <cstring>

#include "addon/convert.h"
#include "addon/worker.h"

namespace attune {

namespace {

/** A text longer than this does not leave its memory behind. */
constexpr size_t kKept = size_t{1} << 20;

/** The units of a JavaScript string, behind `prefix` where it is not 0. */
void read(const Napi::Value& value, char16_t prefix, std::u16string& text) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), "text must be a string");
  const size_t room = prefix == 0 ? 0 : 1;
  size_t length = 0;
  napi_get_value_string_utf16(value.Env(), value, nullptr, 0, &length);
  text.resize(room + length + 1);  // a zero is written behind it
  napi_get_value_string_utf16(value.Env(), value, text.data() + room, length + 1, &length);
  text.resize(room + length);
  if (room != 0) text[0] = prefix;
}

}  // namespace

Napi::Function TextEncoderObject::define(Napi::Env env) {
  return DefineClass(env, "TextEncoder",
                     {InstanceMethod("encode", &TextEncoderObject::encode),
                      InstanceMethod("take", &TextEncoderObject::take)});
}

TextEncoderObject::TextEncoderObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TextEncoderObject>(info) {
  guarded(info.Env(), [&]() -> Napi::Value {
    TextModel model = to_text_model(info[0]);
    mark_ = model.mark;
    encoder_ = std::make_unique<TextEncoder>(std::move(model));
    return info.Env().Undefined();
  });
}

/** encode(text, prefixed, at, ids, offsets, from): tokens of the text, written where they fit. */
Napi::Value TextEncoderObject::encode(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const bool prefixed = info[1].ToBoolean();
    read(info[0], prefixed ? mark_ : u'\0', text_);
    encoder_->encode(text_, prefixed, info[2].ToNumber().Int32Value());
    if (text_.capacity() > kKept) text_ = std::u16string();
    copy(info, 3);
    return Napi::Number::New(info.Env(), static_cast<double>(encoder_->ids().size()));
  });
}

/** take(ids, offsets, from): the same tokens once more, where there is room now. */
Napi::Value TextEncoderObject::take(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    copy(info, 0);
    return info.Env().Undefined();
  });
}

void TextEncoderObject::copy(const Napi::CallbackInfo& info, size_t first) {
  if (!info[first].IsTypedArray() || !info[first + 1].IsTypedArray())
    throw Napi::TypeError::New(info.Env(), "ids and offsets must be Int32Arrays");
  auto ids = info[first].As<Napi::Int32Array>();
  auto offsets = info[first + 1].As<Napi::Int32Array>();
  const auto from = static_cast<size_t>(info[first + 2].ToNumber().Uint32Value());
  const size_t count = encoder_->ids().size();
  if (count == 0 || from + count > ids.ElementLength() ||
      2 * (from + count) > offsets.ElementLength())
    return;
  std::memcpy(ids.Data() + from, encoder_->ids().data(), count * sizeof(int32_t));
  std::memcpy(offsets.Data() + 2 * from, encoder_->offsets().data(), 2 * count * sizeof(int32_t));
}

}  // namespace attune
