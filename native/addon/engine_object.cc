#include "addon/engine_object.h"

#include "addon/convert.h"
#include "core/error.h"

namespace attune {

namespace {

struct Nothing {};

Napi::Value from(Napi::Env env, const Nothing&) { return env.Undefined(); }

}  // namespace

Napi::Function EngineObject::define(Napi::Env env) {
  return DefineClass(
      env, "Engine",
      {method<&EngineObject::plan>("plan"), method<&EngineObject::parameters>("parameters"),
       method<&EngineObject::load>("load"), method<&EngineObject::accumulate>("accumulate"),
       method<&EngineObject::update>("update"), method<&EngineObject::evaluate>("evaluate"),
       method<&EngineObject::token_losses>("tokenLosses"), method<&EngineObject::logits>("logits"),
       method<&EngineObject::decode>("decode"), method<&EngineObject::merge>("merge"),
       method<&EngineObject::save>("save"), method<&EngineObject::snapshot>("snapshot"),
       method<&EngineObject::progress>("progress"), method<&EngineObject::restore>("restore"),
       method<&EngineObject::read>("read"), InstanceMethod("dispose", &EngineObject::dispose)});
}

EngineObject::EngineObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineObject>(info) {
  const Napi::Env env = info.Env();
  guarded(env, [&]() -> Napi::Value {
    ModelSpec spec = to_spec(info[0]);
    engine_ = std::make_shared<Engine>(std::move(spec), to_options(info[1]));
    worker_ = std::make_unique<Worker>(env, [engine = std::weak_ptr<Engine>(engine_)] {
      if (const auto alive = engine.lock()) alive->interrupt();
    });
    return env.Undefined();
  });
}

EngineObject::~EngineObject() { worker_.reset(); }

template <class Work>
Napi::Value EngineObject::verb(const Napi::CallbackInfo& info, Work work) {
  if (!engine_) return Worker::rejected(info.Env(), "disposed", "the engine was disposed");
  return worker_->run(
      Napi::Persistent(info.This().As<Napi::Object>()),
      [engine = engine_, work] { return work(*engine); },
      [](Napi::Env env, const auto& result) { return from(env, result); });
}

Napi::Value EngineObject::plan(const Napi::CallbackInfo& info) {
  check(engine_ != nullptr, Code::disposed, "plan", "the engine was disposed");
  return from(info.Env(), engine_->plan());
}

Napi::Value EngineObject::parameters(const Napi::CallbackInfo& info) {
  check(engine_ != nullptr, Code::disposed, "parameters", "the engine was disposed");
  Napi::Array result = Napi::Array::New(info.Env());
  for (const Parameter* parameter : engine_->parameters().all())
    result.Set(result.Length(), from(info.Env(), *parameter));
  return result;
}

Napi::Value EngineObject::load(const Napi::CallbackInfo& info) {
  return verb(info, [reads = to_reads(info[0])](Engine& engine) {
    engine.load(reads);
    return Nothing{};
  });
}

Napi::Value EngineObject::accumulate(const Napi::CallbackInfo& info) {
  return verb(info,
              [batch = to_batch(info[0])](Engine& engine) { return engine.accumulate(batch); });
}

Napi::Value EngineObject::update(const Napi::CallbackInfo& info) {
  return verb(info,
              [options = to_update(info[0])](Engine& engine) { return engine.update(options); });
}

Napi::Value EngineObject::evaluate(const Napi::CallbackInfo& info) {
  return verb(info, [batch = to_batch(info[0])](Engine& engine) { return engine.evaluate(batch); });
}

Napi::Value EngineObject::token_losses(const Napi::CallbackInfo& info) {
  return verb(info,
              [batch = to_batch(info[0])](Engine& engine) { return engine.token_losses(batch); });
}

Napi::Value EngineObject::logits(const Napi::CallbackInfo& info) {
  return verb(info, [tokens = to_ints(info[0], "tokens")](Engine& engine) {
    return engine.logits(tokens);
  });
}

Napi::Value EngineObject::decode(const Napi::CallbackInfo& info) {
  return verb(info, [tokens = to_ints(info[0], "tokens"), reset = to_boolean(info[1], "reset")](
                        Engine& engine) { return engine.decode(tokens, reset); });
}

Napi::Value EngineObject::merge(const Napi::CallbackInfo& info) {
  return verb(info, [](Engine& engine) {
    engine.merge();
    return Nothing{};
  });
}

Napi::Value EngineObject::save(const Napi::CallbackInfo& info) {
  return verb(info, [path = to_path(info[0]), header = to_bytes(info[1], "header"),
                     tensors = to_writes(info[2])](Engine& engine) {
    engine.save(path, header, tensors);
    return Nothing{};
  });
}

Napi::Value EngineObject::snapshot(const Napi::CallbackInfo& info) {
  return verb(info,
              [header = to_bytes(info[0], "header"), tensors = to_writes(info[1])](Engine& engine) {
                return std::make_shared<Pages>(engine.snapshot(header, tensors));
              });
}

Napi::Value EngineObject::progress(const Napi::CallbackInfo& info) {
  return verb(info, [](Engine& engine) { return engine.progress(); });
}

Napi::Value EngineObject::restore(const Napi::CallbackInfo& info) {
  return verb(info, [progress = to_progress(info[0])](Engine& engine) {
    engine.restore(progress);
    return Nothing{};
  });
}

Napi::Value EngineObject::read(const Napi::CallbackInfo& info) {
  return verb(info, [name = to_text(info[0], "name"), part = to_part(info[1])](Engine& engine) {
    return engine.read(name, part);
  });
}

void EngineObject::dispose(const Napi::CallbackInfo&) {
  engine_.reset();
  worker_->finish();
}

}  // namespace attune
