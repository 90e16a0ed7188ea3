// The exports of the addon, as src/native/addon.d.ts declares them, and nothing else.
#include <napi.h>

#include "addon/convert.h"
#include "addon/engine_object.h"
#include "addon/text_encoder_object.h"
#include "addon/worker.h"

namespace {

Napi::Value list_devices(const Napi::CallbackInfo& info) {
  return attune::guarded(info.Env(), [&]() -> Napi::Value {
    Napi::Array result = Napi::Array::New(info.Env());
    for (const attune::DeviceInfo& device : attune::devices())
      result.Set(result.Length(), attune::from(info.Env(), device));
    return result;
  });
}

Napi::Value absence(const Napi::CallbackInfo& info) {
  return attune::guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::String::New(info.Env(), attune::cuda_absence());
  });
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  attune::stop_at_exit(env);
  exports.Set("IGNORE", Napi::Number::New(env, attune::kIgnore));
  exports.Set("devices", Napi::Function::New(env, list_devices, "devices"));
  exports.Set("cudaAbsence", Napi::Function::New(env, absence, "cudaAbsence"));
  exports.Set("Engine", attune::EngineObject::define(env));
  exports.Set("TextEncoder", attune::TextEncoderObject::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(attune, initialise)
