// Node-API for programs. Each environment has at most one engine thread, started by its first asynchronous run; it is not one of
// libuv's, so that long runs hold up neither file nor name look-ups, and so that it can be told to stop when the environment
// ends. Invariant: one job at a time and environment (the queue is lib/program/queue.ts), and the thread has ended before the
// environment is gone.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <vector>

#include "addon.h"
#include "engine/cpu.h"
#include "engine/program.h"

namespace steepest {
namespace {

// The queue through which Node reports ends grows on this thread, whose heap would take a page fault every few hundred runs.
void touchHeap() {
  constexpr size_t kBytes = 64 * 1024;  // less than what the C library gives back to the system
  const std::unique_ptr<char[]> block(new (std::nothrow) char[kBytes]);
  for (size_t i = 0; block && i < kBytes; i += 4096) static_cast<volatile char*>(block.get())[i] = 0;
}

struct Job {
  Program* program = nullptr;
  std::vector<void*> bindings;
  double version = 0;
  int64_t repeats = 1;
  double* nanoseconds = nullptr;
  Outcome outcome;
};

// Owned by the environment and by each of its programs: these may be finalized after the environment's hooks have run.
class Engine : public std::enable_shared_from_this<Engine> {
 public:
  explicit Engine(Napi::Env env) : env_(env) {}

  std::atomic<Stop> stop{Stop::no};
  std::unordered_set<Program*> programs;  // live ones: an External that is not in here is no program
  Job job;                                // written by JavaScript's thread while no job runs

  // Sets what is called, on JavaScript's thread, at the end of each job.
  bool onEnd(Napi::Function callback) {
    if (done_) return true;
    const Napi::String name = Napi::String::New(env_, "steepest");
    if (napi_create_threadsafe_function(env_, callback, nullptr, name, 0, 1, nullptr, nullptr, this, report, &done_) != napi_ok)
      return false;
    napi_unref_threadsafe_function(env_, done_);
    napi_add_env_cleanup_hook(env_, cleanUp, this);  // later hooks run first: before the function's own
    return true;
  }

  bool busy() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return waiting_;
  }

  bool start() {
    if (!done_) return false;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { work(); });
      } catch (const std::system_error&) {
        return false;
      }
    }
    napi_ref_threadsafe_function(env_, done_);
    stop.store(Stop::no);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_ = true;
    }
    wake_.notify_one();
    return true;
  }

 private:
  Outcome finished() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return job.outcome;
  }

  void work() {
    nameThisThread("steepest-run");
    touchHeap();
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return waiting_ || quit_; });
      if (quit_) break;
      lock.unlock();
      job.outcome = job.program->run(job.bindings.data(), job.version, job.repeats, stop, job.nanoseconds);
      lock.lock();
      waiting_ = false;
      if (quit_ || napi_call_threadsafe_function(done_, nullptr, napi_tsfn_nonblocking) != napi_ok) break;
    }
    lock.unlock();
    napi_release_threadsafe_function(done_, napi_tsfn_release);
  }

  static void report(napi_env env, napi_value callback, void* context, void*) {
    if (!env || !callback) return;
    auto& engine = *static_cast<Engine*>(context);
    napi_unref_threadsafe_function(env, engine.done_);
    const Outcome outcome = engine.finished();
    const double numbers[] = {static_cast<double>(outcome.status.code),     static_cast<double>(outcome.row),
                              static_cast<double>(outcome.status.position), static_cast<double>(outcome.status.value),
                              static_cast<double>(outcome.status.limit),    static_cast<double>(outcome.repeats)};
    napi_value arguments[6], global = nullptr;
    for (int i = 0; i < 6; ++i) napi_create_double(env, numbers[i], &arguments[i]);
    napi_get_global(env, &global);
    napi_call_function(env, global, callback, 6, arguments, nullptr);
  }

  // The environment ends: a run in flight stops at its next row.
  static void cleanUp(void* data) {
    auto* const engine = static_cast<Engine*>(data);
    engine->stop.store(Stop::betweenRows);
    if (engine->thread_.joinable()) {
      {
        const std::lock_guard<std::mutex> lock(engine->mutex_);
        engine->quit_ = true;
      }
      engine->wake_.notify_one();
      engine->thread_.join();
    } else {
      napi_release_threadsafe_function(engine->done_, napi_tsfn_release);
    }
  }

  napi_env env_;
  napi_threadsafe_function done_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool waiting_ = false;
  bool quit_ = false;
};

Engine& engineOf(const Napi::CallbackInfo& info) { return *static_cast<Engine*>(info.Data()); }

// The words of a Float64Array, or null.
double* wordsOf(Napi::Value value, size_t* count) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) return nullptr;
  auto array = value.As<Napi::Float64Array>();
  *count = array.ElementLength();
  return array.Data();
}

// createProgram(words: Float64Array): program
Napi::Value create(const Napi::CallbackInfo& info) {
  size_t count = 0;
  const double* const words = wordsOf(info[0], &count);
  std::unique_ptr<Program> program = words ? Program::decode(words, static_cast<int64_t>(count)) : nullptr;
  if (!program) return typeError(info, "createProgram: the words are malformed");
  Engine& engine = engineOf(info);
  engine.programs.insert(program.get());
  return Napi::External<Program>::New(
      info.Env(), program.release(),
      [](Napi::Env, Program* given, std::shared_ptr<Engine>* owner) {
        (*owner)->programs.erase(given);
        delete given;
        delete owner;
      },
      new std::shared_ptr<Engine>(engine.shared_from_this()));
}

// (program, bindings: Float64Array, repeats: number, nanoseconds?: Float64Array), the arguments of runProgram and startProgram;
// behind the bindings stands the version of the state. Plain Node-API: a step of a few microseconds would pay for more checks
// than these. Fills `job`; null when they are wrong, with an exception under way, else the bindings.
double* readRun(napi_env env, const napi_value* arguments, const Engine& engine, Job& job) {
  napi_typedarray_type type = napi_float64_array, timedType = napi_float64_array;
  size_t count = 0, timed = 0;
  void *program = nullptr, *words = nullptr, *nanoseconds = nullptr;
  const bool known = napi_get_value_external(env, arguments[0], &program) == napi_ok &&
                     napi_get_typedarray_info(env, arguments[1], &type, &count, &words, nullptr, nullptr) == napi_ok &&
                     napi_get_value_int64(env, arguments[2], &job.repeats) == napi_ok;
  job.program = static_cast<Program*>(program);
  bool right = known && type == napi_float64_array && engine.programs.count(job.program) > 0;
  if (right && napi_get_typedarray_info(env, arguments[3], &timedType, &timed, &nanoseconds, nullptr, nullptr) == napi_ok)
    right = timedType == napi_float64_array && static_cast<int64_t>(timed) >= job.program->rowCount();
  right = right && static_cast<int64_t>(count) > job.program->bindingCount() && count >= 6;
  job.nanoseconds = static_cast<double*>(nanoseconds);
  job.bindings.clear();
  auto* const bindings = static_cast<double*>(words);
  for (int64_t i = 0; right && i < job.program->bindingCount(); ++i) {
    right = bindings[i] >= 0 && bindings[i] < 9007199254740992.0;
    if (right) job.bindings.push_back(reinterpret_cast<void*>(static_cast<uintptr_t>(bindings[i])));
  }
  if (right) job.version = bindings[job.program->bindingCount()];
  if (right) return bindings;
  napi_throw_type_error(env, nullptr, "program: wrong arguments for a run");
  return nullptr;
}

// runProgram(program, bindings, repeats, nanoseconds?): status. After it `bindings` starts with row, position, value, limit,
// repeats.
napi_value run(napi_env env, napi_callback_info info) {
  thread_local Job job;
  napi_value arguments[4], result = nullptr;
  size_t count = 4;
  void* engine = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &engine);
  double* const words = readRun(env, arguments, *static_cast<Engine*>(engine), job);
  if (!words) return nullptr;
  static const std::atomic<Stop> never{Stop::no};
  const Outcome outcome = job.program->run(job.bindings.data(), job.version, job.repeats, never, job.nanoseconds);
  words[0] = static_cast<double>(outcome.row);
  words[1] = static_cast<double>(outcome.status.position);
  words[2] = static_cast<double>(outcome.status.value);
  words[3] = static_cast<double>(outcome.status.limit);
  words[4] = static_cast<double>(outcome.repeats);
  napi_create_int32(env, static_cast<int32_t>(outcome.status.code), &result);
  return result;
}

// startProgram(program, bindings, repeats, nanoseconds?): runs on the engine's thread. The caller keeps everything reachable
// until the end is reported.
Napi::Value start(const Napi::CallbackInfo& info) {
  Engine& engine = engineOf(info);
  if (engine.busy()) return typeError(info, "startProgram: a run is in flight");
  const napi_value arguments[] = {info[0], info[1], info[2], info[3]};
  if (!readRun(info.Env(), arguments, engine, engine.job)) return info.Env().Undefined();
  if (!engine.start()) return typeError(info, "startProgram: the engine's thread could not be started");
  return info.Env().Undefined();
}

// stopProgram(): the run in flight ends after the present repeat.
Napi::Value stop(const Napi::CallbackInfo& info) {
  Stop expected = Stop::no;
  engineOf(info).stop.compare_exchange_strong(expected, Stop::betweenRuns);
  return info.Env().Undefined();
}

// onProgramEnd(callback): called with (status, row, position, value, limit, repeats) at the end of each run that was started.
Napi::Value onEnd(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info, "onProgramEnd: argument 'callback' must be a function");
  if (!engineOf(info).onEnd(info[0].As<Napi::Function>())) return typeError(info, "onProgramEnd: out of resources");
  return info.Env().Undefined();
}

}  // namespace

void exportPrograms(Napi::Env env, Napi::Object exports) {
  auto* const owner = new std::shared_ptr<Engine>(std::make_shared<Engine>(env));
  env.AddCleanupHook([](std::shared_ptr<Engine>* given) { delete given; }, owner);  // added first, hence run last
  Engine* const engine = owner->get();
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name, engine));
  };
  add("createProgram", create);
  napi_value function = nullptr;
  napi_create_function(env, "runProgram", NAPI_AUTO_LENGTH, run, engine, &function);
  exports.Set("runProgram", function);
  add("startProgram", start);
  add("stopProgram", stop);
  add("onProgramEnd", onEnd);
}

}  // namespace steepest
