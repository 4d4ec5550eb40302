// The kernel ABI: what every kernel receives and returns.
//
// A kernel works on raw buffers whose sizes the caller has already checked: it infers no shapes, knows no gradients, allocates
// nothing and never touches Node. Buffers come in the order outputs, inputs, scratch; arguments are float64 words (integers are
// exact to 2^53). Invariant: a kernel's result depends on its row alone, never on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace steepest {

// Codes of element types as rows carry them; lib/tensor/dtype.ts has the same order.
enum class DType : int32_t { float32 = 0, int32 = 1, uint8 = 2, boolean = 3, float64 = 4 };

constexpr int64_t kMaxBuffers = 1024;  // a row of segments has several per parameter of a model
constexpr int64_t kMaxRowWords = 4096;

enum class StatusCode : int32_t {
  ok = 0,
  indexOutOfRange = 1,  // value `value` at flat position `position` is outside [0, limit)
  badRow = 2,           // the row itself is malformed: a bug in lib/, never in user code
  unsupported = 3,      // this kernel has no float64 twin
  undeclared = 4,       // the kernel refused its data, and kernels.inc does not say that it may
};

struct Status {
  StatusCode code = StatusCode::ok;
  int64_t position = 0;
  int64_t value = 0;
  int64_t limit = 0;
};

// One encoded kernel call.
struct Row {
  void* const* buffers;
  const double* arguments;
  int64_t bufferCount;
  int64_t argumentCount;
  void* prepared = nullptr;  // what the kernel's `prepare` made of the arguments; null outside of programs

  template <typename T>
  T* buffer(int64_t i) const {
    return static_cast<T*>(buffers[i]);
  }
  int64_t integer(int64_t i) const { return static_cast<int64_t>(arguments[i]); }
  double number(int64_t i) const { return arguments[i]; }
  bool flag(int64_t i) const { return arguments[i] != 0; }
};

using KernelFunction = Status (*)(const Row&);
// Bytes of scratch that a row needs, from its arguments alone (its buffers are not yet known).
using ScratchFunction = int64_t (*)(const Row&);
// What a kernel works out from a row's arguments alone, which a program has done once and not at every run. Writes it to
// `memory`, unless that is null, and gives its bytes. 0: there is nothing, and the row is to run as outside of programs.
using PrepareFunction = int64_t (*)(const Row&, void* memory);

struct Kernel {
  const char* name;
  KernelFunction fast;      // float32 and integer types, any instruction set
  KernelFunction twin;      // naive float64 version: the oracle of the tests, and what float64 tensors run on
  ScratchFunction scratch;  // null: none
  bool indexing;            // may refuse its data with indexOutOfRange: programs put back what rows before it wrote
  PrepareFunction prepare;  // null: nothing
};

}  // namespace steepest
