// Handles to native memory. Each environment knows its live handles; the memory behind one may have holders in other
// environments.
//
// Invariant: an External that is not among the live handles of its environment is never looked into.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_set>

#include "addon.h"
#include "engine/block.h"
#include "engine/pool.h"

namespace steepest {
namespace {

constexpr double kMaxAddress = 9007199254740992.0;  // 2^53

struct Allocation {
  Block* block;
  bool counted;  // V8 was told of its bytes: one environment tells, not every holder
};

// Owned by the environment and by each of its handles: these may be finalized after the environment's hooks have run.
struct Holdings : std::enable_shared_from_this<Holdings> {
  std::unordered_set<Allocation*> live;
};

Holdings& holdingsOf(const Napi::CallbackInfo& info) { return *static_cast<Holdings*>(info.Data()); }

void letGo(Napi::Env env, Holdings& holdings, Allocation* allocation) {
  if (holdings.live.erase(allocation) == 0) return;
  if (allocation->counted) Napi::MemoryManagement::AdjustExternalMemory(env, -allocation->block->bytes);
  dropBlock(allocation->block);
}

Napi::Value newHandle(const Napi::CallbackInfo& info, Block* block, bool counted) {
  Holdings& holdings = holdingsOf(info);
  auto* const allocation = new Allocation{block, counted};
  holdings.live.insert(allocation);
  if (counted) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), block->bytes);
  return Napi::External<Allocation>::New(
      info.Env(), allocation,
      [](Napi::Env env, Allocation* given, std::shared_ptr<Holdings>* owner) {
        letGo(env, **owner, given);
        delete given;
        delete owner;
      },
      new std::shared_ptr<Holdings>(holdings.shared_from_this()));
}

// allocate(bytes): handle
Napi::Value allocate(const Napi::CallbackInfo& info) {
  const double bytes = numberOr(info[0], -1);
  if (!(bytes >= 0 && bytes < kMaxAddress)) return rangeError(info, "allocate: argument 'bytes' must be a number of bytes");
  Block* const block = makeBlock(static_cast<int64_t>(bytes));
  if (!block) return rangeError(info, "allocate: out of memory: " + std::to_string(static_cast<int64_t>(bytes)) + " bytes");
  return newHandle(info, block, true);
}

// The live allocation behind a handle, or null.
Allocation* allocationOf(const Napi::CallbackInfo& info, Napi::Value value) {
  if (!value.IsExternal()) return nullptr;
  auto* const allocation = value.As<Napi::External<Allocation>>().Data();
  return holdingsOf(info).live.count(allocation) ? allocation : nullptr;
}

// share(handle): the name by which any environment of the process opens the memory while somebody holds it.
Napi::Value share(const Napi::CallbackInfo& info) {
  Allocation* const allocation = allocationOf(info, info[0]);
  if (!allocation) return typeError(info, "share: argument 'handle' must be a live handle from allocate or open");
  return Napi::Number::New(info.Env(), publishBlock(allocation->block));
}

// open(name, bytes): a handle to the memory that was shared under that name; undefined if there is none of that size.
Napi::Value open(const Napi::CallbackInfo& info) {
  const double bytes = numberOr(info[1], -1);
  if (!(bytes >= 0 && bytes < kMaxAddress)) return info.Env().Undefined();
  Block* const block = holdBlock(numberOr(info[0], 0), static_cast<int64_t>(bytes));
  return block ? newHandle(info, block, false) : info.Env().Undefined();
}

// release(handle): lets go of the memory now; a second call does nothing.
Napi::Value release(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) return typeError(info, "release: argument 'handle' must come from allocate or open");
  if (Allocation* const allocation = allocationOf(info, info[0])) letGo(info.Env(), holdingsOf(info), allocation);
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
    memory = allocation->block->memory;
  } else {
    return typeError(info, "address: argument 'buffer' must be an ArrayBuffer or a live handle from allocate or open");
  }
  return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(memory)));
}

struct View {
  void* data = nullptr;
  size_t bytes = 0;
};

// (address: number, view: ArrayBufferView), the arguments of copyIn and copyOut. Plain Node-API: copies of a few numbers would
// pay for more checks than these. No bytes when they are wrong, with an exception under way.
View readCopyArguments(napi_env env, napi_callback_info info, void** memory) {
  static constexpr size_t kElementBytes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};  // in the order of napi_typedarray_type
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  double word = -1;
  napi_get_value_double(env, arguments[0], &word);
  if (!(word >= 0 && word < kMaxAddress))
    return napi_throw_type_error(env, nullptr, "argument 'address' must come from address()"), View{};
  *memory = reinterpret_cast<void*>(static_cast<uintptr_t>(word));
  napi_typedarray_type type = napi_int8_array;
  View view;
  if (napi_get_typedarray_info(env, arguments[1], &type, &view.bytes, &view.data, nullptr, nullptr) == napi_ok)
    view.bytes *= kElementBytes[type];
  else if (napi_get_dataview_info(env, arguments[1], &view.bytes, &view.data, nullptr, nullptr) != napi_ok)
    return napi_throw_type_error(env, nullptr, "argument 'view' must be a typed array or DataView"), View{};
  if (view.bytes > 0 && (!*memory || !view.data))
    return napi_throw_range_error(env, nullptr, "copy from or to no memory"), View{};
  return view;
}

// Bytes of one piece of a copy. Two threads bring an operand from beyond their own caches twice as fast as one; a smaller copy
// is done before another thread has noticed.
constexpr size_t kCopyBytes = 64 * 1024;

void copyBytes(void* to, const void* from, size_t bytes) {
  parallelFor(static_cast<int64_t>((bytes + kCopyBytes - 1) / kCopyBytes), [=](int64_t piece) {
    const size_t start = static_cast<size_t>(piece) * kCopyBytes;
    std::memcpy(static_cast<char*>(to) + start, static_cast<const char*>(from) + start, std::min(kCopyBytes, bytes - start));
  });
}

// copyIn(address, source)
napi_value copyIn(napi_env env, napi_callback_info info) {
  void* memory = nullptr;
  const View view = readCopyArguments(env, info, &memory);
  copyBytes(memory, view.data, view.bytes);
  return nullptr;
}

// copyOut(address, target)
napi_value copyOut(napi_env env, napi_callback_info info) {
  void* memory = nullptr;
  const View view = readCopyArguments(env, info, &memory);
  copyBytes(view.data, memory, view.bytes);
  return nullptr;
}

}  // namespace

void exportMemory(Napi::Env env, Napi::Object exports) {
  auto* const owner = new std::shared_ptr<Holdings>(std::make_shared<Holdings>());
  env.AddCleanupHook([](std::shared_ptr<Holdings>* given) { delete given; }, owner);
  Holdings* const holdings = owner->get();
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name, holdings));
  };
  add("allocate", allocate);
  add("share", share);
  add("open", open);
  add("release", release);
  add("address", address);
  const auto addPlain = [&](const char* name, napi_callback function) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    exports.Set(name, value);
  };
  addPlain("copyIn", copyIn);
  addPlain("copyOut", copyOut);
}

}  // namespace steepest
