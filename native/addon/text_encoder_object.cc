#include "addon/text_encoder_object.h"

#include <cstring>
#include <limits>

#include "addon/convert.h"
#include "addon/worker.h"
#include "core/error.h"

namespace attune {

namespace {

/** A text longer than this does not leave its memory behind. */
constexpr size_t kKept = size_t{1} << 20;

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
    const bool prefixed = to_boolean(info[1], "prefixed");
    const size_t units = read(info[0], prefixed);
    const double most = std::numeric_limits<int32_t>::max() - static_cast<double>(units);
    const auto at = static_cast<int32_t>(to_integer(info[2], "at", 0, most));
    encoder_->encode(text_.data(), units, prefixed, at);
    if (text_.size() > kKept) text_ = std::vector<char16_t>();
    copy(info, 3);
    return Napi::Number::New(info.Env(), static_cast<double>(encoder_->count()));
  });
}

/** take(ids, offsets, from): the same tokens once more, where there is room now. */
Napi::Value TextEncoderObject::take(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    copy(info, 0);
    return info.Env().Undefined();
  });
}

size_t TextEncoderObject::read(const Napi::Value& value, bool prefixed) {
  check(value.IsString(), Code::config, "encode", "text must be a string");
  const size_t before = prefixed ? 1 : 0;
  size_t length = 0;
  napi_get_value_string_utf16(value.Env(), value, nullptr, 0, &length);
  const size_t room = before + length + TextEncoder::margin;
  if (room > text_.size()) text_.resize(2 * room);
  napi_get_value_string_utf16(value.Env(), value, text_.data() + before, length + 1, &length);
  if (prefixed) text_[0] = mark_;
  return before + length;
}

void TextEncoderObject::copy(const Napi::CallbackInfo& info, size_t first) {
  for (size_t i = first; i < first + 2; ++i)
    if (!info[i].IsTypedArray() ||
        info[i].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
      throw Error(Code::config, "encode", "ids and offsets must be Int32Arrays");
  const size_t from = to_natural(info[first + 2], "from");
  auto ids = info[first].As<Napi::Int32Array>();
  auto offsets = info[first + 1].As<Napi::Int32Array>();
  const size_t count = encoder_->count();
  if (count == 0 || from + count > ids.ElementLength() ||
      2 * (from + count) > offsets.ElementLength())
    return;
  std::memcpy(ids.Data() + from, encoder_->ids(), count * sizeof(int32_t));
  std::memcpy(offsets.Data() + 2 * from, encoder_->offsets(), 2 * count * sizeof(int32_t));
}

}  // namespace attune
