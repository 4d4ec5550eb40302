// The Node-API surface: what lib/native.ts types. Everything an environment (main thread or worker_thread) owns lives in its
// Environment; the only things shared between environments are the compute pool (engine/pool.h) and blocks of memory
// (engine/block.h).
//
// Invariant: no argument from JavaScript can crash the process, except an address that is not one: lib/ makes addresses from
// allocate() and address() only. C++ exceptions are off in node-addon-api; a pending JS exception is returned at once.
#include "addon.h"

#include "engine/blas.h"
#include "engine/dispatch.h"
#include "engine/isa.h"
#include "engine/pool.h"

namespace steepest {
namespace {

struct Environment {
  double* words = nullptr;  // the row buffer, kept alive by `row`
  int64_t capacity = 0;
  Napi::Reference<Napi::Float64Array> row;

  Environment() { retainPool(); }
  ~Environment() {
    row.SuppressDestruct();
    releasePool();
  }
};

Environment& environmentOf(const Napi::CallbackInfo& info) { return *static_cast<Environment*>(info.Data()); }

// bind(row: Float64Array): the buffer that run() and scratchBytes() read from now on.
Napi::Value bind(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    return typeError(info, "bind: argument 'row' must be a Float64Array");
  }
  auto row = info[0].As<Napi::Float64Array>();
  if (row.ElementLength() < 4) return rangeError(info, "bind: argument 'row' must have at least 4 words");
  Environment& environment = environmentOf(info);
  environment.words = row.Data();
  environment.capacity = static_cast<int64_t>(row.ElementLength());
  environment.row = Napi::Persistent(row);
  return info.Env().Undefined();
}

// run(): number. Plain Node-API, since this is the call that every eager operation pays for.
napi_value run(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  size_t count = 0;
  napi_get_cb_info(env, info, &count, nullptr, nullptr, &data);
  auto& environment = *static_cast<Environment*>(data);
  const Status status = runRow(environment.words, environment.capacity);
  if (status.code != StatusCode::ok && environment.words) {
    environment.words[0] = static_cast<double>(status.position);
    environment.words[1] = static_cast<double>(status.value);
    environment.words[2] = static_cast<double>(status.limit);
  }
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(status.code), &result);
  return result;
}

// scratchBytes(): number
Napi::Value scratch(const Napi::CallbackInfo& info) {
  const Environment& environment = environmentOf(info);
  const int64_t bytes = scratchBytes(environment.words, environment.capacity);
  if (bytes < 0) return rangeError(info, "scratchBytes: the row is malformed");
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

// ---- settings

Napi::Array stringArray(Napi::Env env, const std::vector<std::string>& strings) {
  auto array = Napi::Array::New(env, strings.size());
  for (uint32_t i = 0; i < strings.size(); ++i) array.Set(i, strings[i]);
  return array;
}

// info(): { threads, instructionSet, instructionSets, blas: { library, core, threads } }; the last is the kind of threads that
// OpenBLAS was built for. It runs on one: the pool splits the work.
Napi::Value describe(const Napi::CallbackInfo& info) {
  const blas::Description library = blas::describe();
  auto description = Napi::Object::New(info.Env());
  description.Set("library", library.library);
  description.Set("core", library.core);
  description.Set("threads", library.parallel);
  auto result = Napi::Object::New(info.Env());
  result.Set("threads", threadCount());
  result.Set("instructionSet", instructionSet());
  result.Set("instructionSets", stringArray(info.Env(), instructionSets()));
  result.Set("blas", description);
  return result;
}

// setThreads(threads)
Napi::Value setThreads(const Napi::CallbackInfo& info) {
  const double threads = numberOr(info[0], 0);
  if (!(threads >= 1 && threads <= 256))
    return rangeError(info, "setThreads: argument 'threads' must be an integer from 1 to 256");
  setThreadCount(static_cast<int>(threads));
  return info.Env().Undefined();
}

// setInstructionSet(name)
Napi::Value chooseInstructionSet(const Napi::CallbackInfo& info) {
  const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (setInstructionSet(name)) return info.Env().Undefined();
  return rangeError(info, "setInstructionSet: argument 'name' must be one of info().instructionSets, got '" + name + "'");
}

// ---- the module

Napi::Array describeKernels(Napi::Env env) {
  int64_t count = 0;
  const Kernel* const kernels = kernelTable(&count);
  auto array = Napi::Array::New(env, static_cast<size_t>(count));
  for (uint32_t i = 0; i < count; ++i) {
    auto kernel = Napi::Object::New(env);
    kernel.Set("name", kernels[i].name);
    kernel.Set("scratch", kernels[i].scratch != nullptr);
    kernel.Set("twin", kernels[i].twin != nullptr);
    kernel.Set("indexing", kernels[i].indexing);
    array.Set(i, kernel);
  }
  return array;
}

Napi::Array describeInstructions(Napi::Env env) {
  int64_t count = 0;
  const char* const* const names = instructionTable(&count);
  return stringArray(env, {names, names + count});
}

// STEEPEST_ISA is read once per process, when the first environment loads the addon; its problem, or an empty string.
const std::string& applyForcedInstructionSet() {
  static const std::string problem = [] {
    const char* const forced = std::getenv("STEEPEST_ISA");
    return forced && *forced && !setInstructionSet(forced)
               ? "STEEPEST_ISA names no instruction set of this CPU: " + std::string(forced)
               : "";
  }();
  return problem;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  const char* const missing = missingBaseline();
  const std::string problem = missing ? missing : applyForcedInstructionSet();
  if (!problem.empty()) {
    Napi::Error::New(env, problem).ThrowAsJavaScriptException();
    return exports;
  }
  auto* const environment = new Environment();
  env.SetInstanceData<Environment>(environment);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name, environment));
  };
  napi_value function = nullptr;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, environment, &function);
  exports.Set("run", function);
  add("bind", bind);
  add("scratchBytes", scratch);
  add("info", describe);
  add("setThreads", setThreads);
  add("setInstructionSet", chooseInstructionSet);
  exportMemory(env, exports);
  exportPrograms(env, exports);
  exports.Set("kernels", describeKernels(env));
  exports.Set("instructions", describeInstructions(env));
  exports.Set("version", "1");  // of this surface
  return exports;
}

}  // namespace
}  // namespace steepest

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return steepest::initialise(env, exports); }
NODE_API_MODULE(steepest, Init)
