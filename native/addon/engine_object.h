// The engine as a JavaScript object: one method per verb of src/native/addon.d.ts.
#pragma once
#include <napi.h>

#include <memory>

#include "addon/worker.h"
#include "engine.h"

namespace attune {

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo&);
  ~EngineObject() override;

 private:
  Napi::Value plan(const Napi::CallbackInfo&);
  Napi::Value parameters(const Napi::CallbackInfo&);
  Napi::Value load(const Napi::CallbackInfo&);
  Napi::Value accumulate(const Napi::CallbackInfo&);
  Napi::Value update(const Napi::CallbackInfo&);
  Napi::Value evaluate(const Napi::CallbackInfo&);
  Napi::Value token_losses(const Napi::CallbackInfo&);
  Napi::Value logits(const Napi::CallbackInfo&);
  Napi::Value decode(const Napi::CallbackInfo&);
  Napi::Value merge(const Napi::CallbackInfo&);
  Napi::Value save(const Napi::CallbackInfo&);
  Napi::Value snapshot(const Napi::CallbackInfo&);
  Napi::Value progress(const Napi::CallbackInfo&);
  Napi::Value restore(const Napi::CallbackInfo&);
  Napi::Value read(const Napi::CallbackInfo&);
  void dispose(const Napi::CallbackInfo&);

  using Method = Napi::Value (EngineObject::*)(const Napi::CallbackInfo&);
  /** A method of JavaScript's class whose native errors become JavaScript errors. */
  template <Method own>
  static auto method(const char* name) {
    return InstanceMethod(name, &EngineObject::guard<own>);
  }
  template <Method own>
  Napi::Value guard(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return (this->*own)(info); });
  }

  /** Queues `work(engine)`; the promise resolves with what it returns. */
  template <class Work>
  Napi::Value verb(const Napi::CallbackInfo&, Work work);

  std::shared_ptr<Engine> engine_;  // reset by dispose(); a job in progress keeps it until it ends
  std::unique_ptr<Worker> worker_;
};

}  // namespace attune
