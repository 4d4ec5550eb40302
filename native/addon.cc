// The Node-API surface: what lib/native.ts types. Everything an environment (main thread or worker_thread) owns lives in its
// Environment; the only thing shared between environments is the compute pool (engine/pool.h).
// Invariant: no argument from JavaScript can crash the process, except an address that is not one: lib/ makes addresses from
// allocate() and address() only. C++ exceptions are off in node-addon-api; a pending JS exception is returned at once.
#include <napi.h>

#include <cstring>
#include <string>
#include <unordered_set>

#include "addon_program.h"
#include "engine/arena.h"
#include "engine/blas.h"
#include "engine/dispatch.h"
#include "engine/isa.h"
#include "engine/pool.h"

namespace steepest {
namespace {

struct Allocation {
  void* memory;
  int64_t bytes;
};

struct Environment {
  double* words = nullptr;  // the row buffer, kept alive by `row`
  int64_t capacity = 0;
  Napi::Reference<Napi::Float64Array> row;
  std::unordered_set<Allocation*> allocations;  // live handles: an External that is not in here is not ours

  Environment() { retainPool(); }
  ~Environment() {
    row.SuppressDestruct();
    releasePool();
  }
};

Environment& environmentOf(const Napi::CallbackInfo& info) { return *static_cast<Environment*>(info.Data()); }

Napi::Value typeError(const Napi::CallbackInfo& info, const char* message) {
  Napi::TypeError::New(info.Env(), message).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value rangeError(const Napi::CallbackInfo& info, const std::string& message) {
  Napi::RangeError::New(info.Env(), message).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

double numberOr(Napi::Value value, double otherwise) { return value.IsNumber() ? value.As<Napi::Number>() : otherwise; }

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

// ---- memory

constexpr double kMaxAddress = 9007199254740992.0;  // 2^53

void releaseAllocation(Napi::Env env, Environment& environment, Allocation* allocation) {
  if (environment.allocations.erase(allocation) == 0) return;
  releaseMemory(allocation->memory, allocation->bytes);
  Napi::MemoryManagement::AdjustExternalMemory(env, -allocation->bytes);
}

// allocate(bytes): handle
Napi::Value allocate(const Napi::CallbackInfo& info) {
  const double bytes = numberOr(info[0], -1);
  if (!(bytes >= 0 && bytes < kMaxAddress)) return rangeError(info, "allocate: argument 'bytes' must be a number of bytes");
  Environment& environment = environmentOf(info);
  void* const memory = allocateMemory(static_cast<int64_t>(bytes));
  if (!memory) return rangeError(info, "allocate: out of memory: " + std::to_string(static_cast<int64_t>(bytes)) + " bytes");
  auto* const allocation = new Allocation{memory, static_cast<int64_t>(bytes)};
  environment.allocations.insert(allocation);
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), allocation->bytes);
  return Napi::External<Allocation>::New(
      info.Env(), allocation,
      [](Napi::Env env, Allocation* given, Environment* owner) {
        releaseAllocation(env, *owner, given);
        delete given;
      },
      &environment);
}

// The live allocation behind a handle, or null.
Allocation* allocationOf(const Napi::CallbackInfo& info, Napi::Value value) {
  if (!value.IsExternal()) return nullptr;
  auto* const allocation = value.As<Napi::External<Allocation>>().Data();
  return environmentOf(info).allocations.count(allocation) ? allocation : nullptr;
}

// release(handle): frees the memory now; a second call does nothing.
Napi::Value release(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) return typeError(info, "release: argument 'handle' must come from allocate");
  if (Allocation* const allocation = allocationOf(info, info[0])) releaseAllocation(info.Env(), environmentOf(info), allocation);
  return info.Env().Undefined();
}

// address(buffer: ArrayBuffer | handle): number
Napi::Value address(const Napi::CallbackInfo& info) {
  const void* memory = nullptr;
  if (info[0].IsArrayBuffer()) {
    auto buffer = info[0].As<Napi::ArrayBuffer>();
    if (buffer.IsDetached()) return typeError(info, "address: the ArrayBuffer is detached");
    memory = buffer.Data();
  } else if (const Allocation* const allocation = allocationOf(info, info[0])) {
    memory = allocation->memory;
  } else {
    return typeError(info, "address: argument 'buffer' must be an ArrayBuffer or a live handle from allocate");
  }
  return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(memory)));
}

struct View {
  void* data = nullptr;
  size_t bytes = 0;
};

// (address: number, view: ArrayBufferView), the arguments of copyIn and copyOut.
bool readCopyArguments(const Napi::CallbackInfo& info, void** memory, View* view) {
  const double word = numberOr(info[0], -1);
  if (!(word >= 0 && word < kMaxAddress)) return typeError(info, "argument 'address' must come from address()"), false;
  *memory = reinterpret_cast<void*>(static_cast<uintptr_t>(word));
  if (info[1].IsTypedArray()) {
    auto array = info[1].As<Napi::TypedArray>();
    napi_get_typedarray_info(info.Env(), array, nullptr, nullptr, &view->data, nullptr, nullptr);
    view->bytes = array.ByteLength();
  } else if (info[1].IsDataView()) {
    auto array = info[1].As<Napi::DataView>();
    *view = {array.Data(), array.ByteLength()};
  } else {
    return typeError(info, "argument 'view' must be a typed array or DataView"), false;
  }
  if (view->bytes > 0 && (!*memory || !view->data)) return rangeError(info, "copy from or to no memory"), false;
  return true;
}

// copyIn(address, source)
Napi::Value copyIn(const Napi::CallbackInfo& info) {
  void* memory = nullptr;
  View view;
  if (readCopyArguments(info, &memory, &view) && view.bytes > 0) std::memcpy(memory, view.data, view.bytes);
  return info.Env().Undefined();
}

// copyOut(address, target)
Napi::Value copyOut(const Napi::CallbackInfo& info) {
  void* memory = nullptr;
  View view;
  if (readCopyArguments(info, &memory, &view) && view.bytes > 0) std::memcpy(view.data, memory, view.bytes);
  return info.Env().Undefined();
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
  add("allocate", allocate);
  add("release", release);
  add("address", address);
  add("copyIn", copyIn);
  add("copyOut", copyOut);
  add("info", describe);
  add("setThreads", setThreads);
  add("setInstructionSet", chooseInstructionSet);
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
