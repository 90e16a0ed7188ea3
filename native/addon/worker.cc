#include "addon/worker.h"

#include <new>

#include "core/error.h"

namespace attune {

namespace {

Napi::Error make_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", code);
  return error;
}

/** Calls `body`; on failure returns the code and message. */
bool attempt(const std::function<void()>& body, std::string& code, std::string& message) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    code = code_name(error.code());
    message = error.what();
  } catch (const std::bad_alloc&) {
    code = code_name(Code::memory);
    message = "out of memory";
  } catch (const std::exception& error) {
    code = code_name(Code::internal);
    message = error.what();
  }
  return false;
}

void stop_worker(void* worker) { static_cast<Worker*>(worker)->stop(); }

}  // namespace

Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    throw make_error(env, code_name(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    throw make_error(env, code_name(Code::memory), "out of memory");
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw make_error(env, code_name(Code::internal), error.what());
  }
}

void stop_at_exit(Napi::Env env) {
  using Roster = std::shared_ptr<std::set<Worker*>>;
  auto* roster = new Roster(std::make_shared<std::set<Worker*>>());
  env.SetInstanceData(roster);
  const Napi::Value process = env.Global().Get("process");
  if (!process.IsObject()) return;
  const auto stop = [alive = *roster](const Napi::CallbackInfo&) {
    for (Worker* worker : *alive) worker->stop();
  };
  const auto on = process.As<Napi::Object>().Get("on").As<Napi::Function>();
  on.Call(process, {Napi::String::New(env, "exit"), Napi::Function::New(env, stop)});
}

Worker::Worker(Napi::Env env, std::function<void()> interrupt)
    : env_(env),
      roster_(*env.GetInstanceData<std::shared_ptr<std::set<Worker*>>>()),
      interrupt_(std::move(interrupt)) {
  channel_ = Channel::New(env, "attune engine", 0, 1);
  channel_.Unref(env);
  thread_ = std::thread([this] { loop(); });
  // Hooks run last in, first out: this one before the channel closes itself.
  napi_add_env_cleanup_hook(env, stop_worker, this);
  roster_->insert(this);
}

Worker::~Worker() {
  roster_->erase(this);
  napi_remove_env_cleanup_hook(env_, stop_worker, this);
  stop();
}

void Worker::finish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finishing_ = true;
  }
  wake_.notify_all();
}

void Worker::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (quit_) return;
    quit_ = true;
    for (Job* job : queue_) delete job;
    queue_.clear();
  }
  interrupt_();
  wake_.notify_all();
  thread_.join();
  channel_.Release();
}

Napi::Promise Worker::rejected(Napi::Env env, const char* code, const std::string& message) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(make_error(env, code, message).Value());
  return deferred.Promise();
}

Napi::Promise Worker::push(Napi::ObjectReference keep, std::function<void()> work,
                           std::function<Napi::Value(Napi::Env)> present) {
  if (quit_) return rejected(env_, code_name(Code::disposed), "the process is ending");
  auto job = std::make_unique<Job>(env_);
  job->keep = std::move(keep);
  job->work = std::move(work);
  job->present = std::move(present);
  job->worker = this;
  const Napi::Promise promise = job->deferred.Promise();
  if (pending_++ == 0) channel_.Ref(env_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(job.release());
  }
  wake_.notify_one();
  return promise;
}

void Worker::loop() {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return quit_ || finishing_ || !queue_.empty(); });
      if (quit_ || queue_.empty()) return;
      job = queue_.front();
      queue_.pop_front();
    }
    attempt(job->work, job->code, job->message);
    job->work = nullptr;
    if (channel_.NonBlockingCall(job) != napi_ok) delete job;  // the environment is closing
  }
}

void Worker::conclude(Napi::Env env, const Job& job) {
  try {
    if (!job.code.empty()) throw make_error(env, job.code, job.message);
    job.deferred.Resolve(job.present(env));
  } catch (const Napi::Error& error) {
    job.deferred.Reject(error.Value());
  }
}

void Worker::settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* raw) {
  const std::unique_ptr<Job> job(raw);
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  if (--job->worker->pending_ == 0) job->worker->channel_.Unref(env);
  try {
    conclude(env, *job);
  } catch (const Napi::Error&) {
    // The environment is closing and runs no more JavaScript: nobody waits.
  }
}

}  // namespace attune
