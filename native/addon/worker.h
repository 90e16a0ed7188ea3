// The one thread of an engine. Every async verb is a job: its work runs there, in the order asked
// for; its promise is settled on the JavaScript thread. Here alone native errors become JavaScript
// errors, with the code of src/errors.ts in `code`.
#pragma once
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace attune {

/** Runs `body`, turning native errors into JavaScript ones (synchronous verbs). */
Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body);

/**
 * Ends the work of this JavaScript thread's engines when its process object emits `exit`: Node runs
 * no cleanup hook then, and libraries free what they run on. Called once, when the addon is loaded.
 */
void stop_at_exit(Napi::Env env);

class Worker {
 public:
  /** `interrupt` makes work in progress end early; it is called when the environment closes. */
  Worker(Napi::Env env, std::function<void()> interrupt);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /** `keep` is held alive until the promise settles; `present` turns the result into a value. */
  template <class Work, class Present>
  Napi::Promise run(Napi::ObjectReference keep, Work work, Present present) {
    using Result = decltype(work());
    auto result = std::make_shared<std::optional<Result>>();
    return push(
        std::move(keep), [work, result]() mutable { result->emplace(work()); },
        [present, result](Napi::Env env) { return present(env, **result); });
  }

  /** A promise that is already rejected. */
  static Napi::Promise rejected(Napi::Env env, const char* code, const std::string& message);

  /** Lets the thread end once nothing waits; no job may follow. */
  void finish();

  /** Ends the work in progress, drops what waits, joins the thread. Idempotent. */
  void stop();

 private:
  struct Job {
    explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference keep;
    std::function<void()> work;
    std::function<Napi::Value(Napi::Env)> present;
    std::string code, message;  // set when the work failed
    Worker* worker = nullptr;
  };
  static void conclude(Napi::Env env, const Job& job);
  static void settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job);
  using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Job, settle>;

  Napi::Promise push(Napi::ObjectReference keep, std::function<void()> work,
                     std::function<Napi::Value(Napi::Env)> present);
  void loop();

  Napi::Env env_;
  std::shared_ptr<std::set<Worker*>> roster_;  // all that live on this JavaScript thread
  std::function<void()> interrupt_;
  Channel channel_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> queue_;
  bool quit_ = false, finishing_ = false;
  int64_t pending_ = 0;  // JavaScript thread only: keeps the process alive while not 0
  std::thread thread_;
};

}  // namespace attune
