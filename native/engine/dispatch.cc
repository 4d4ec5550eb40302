// Decodes rows and calls kernels with denormals flushed to zero.
#include "engine/dispatch.h"

#include <cmath>

#include "engine/cpu.h"

namespace steepest {

// Declares every function that kernels.inc names. Where a kernel has no twin or scratch it says nullptr, and nothing is declared:
// PROBE_nullptr expands to two arguments, which moves the empty one into second place.
#define PROBE_nullptr ~,
#define SECOND_(first, second, ...) second
#define SECOND(...) SECOND_(__VA_ARGS__)
#define DECLARE(type, name) SECOND(PROBE_##name, type name(const Row&);, ~)
#define STEEPEST_KERNEL(name, fast, twin, scratch) DECLARE(Status, fast) DECLARE(Status, twin) DECLARE(int64_t, scratch)
#define STEEPEST_INDEXING_KERNEL STEEPEST_KERNEL
#define STEEPEST_PREPARED_KERNEL(name, fast, twin, scratch, prepare) \
  STEEPEST_KERNEL(name, fast, twin, scratch) int64_t prepare(const Row&, void*);
#include "kernels/kernels.inc"
#undef STEEPEST_PREPARED_KERNEL
#undef STEEPEST_INDEXING_KERNEL
#undef STEEPEST_KERNEL
#undef DECLARE
#undef SECOND
#undef SECOND_
#undef PROBE_nullptr

namespace {

constexpr Kernel kKernels[] = {
#define STEEPEST_KERNEL(name, fast, twin, scratch) {#name, fast, twin, scratch, false, nullptr},
#define STEEPEST_INDEXING_KERNEL(name, fast, twin, scratch) {#name, fast, twin, scratch, true, nullptr},
#define STEEPEST_PREPARED_KERNEL(name, fast, twin, scratch, prepare) {#name, fast, twin, scratch, false, prepare},
#include "kernels/kernels.inc"
#undef STEEPEST_PREPARED_KERNEL
#undef STEEPEST_INDEXING_KERNEL
#undef STEEPEST_KERNEL
};
constexpr int64_t kKernelCount = static_cast<int64_t>(sizeof kKernels / sizeof kKernels[0]);

constexpr const char* kInstructions[] = {
#if __has_include("kernels/instructions.inc")
#define STEEPEST_INSTRUCTION(name, ...) #name,
#include "kernels/instructions.inc"
#undef STEEPEST_INSTRUCTION
#endif
    nullptr};

constexpr int64_t kHeader = 4;

// Whether `word` is an integer in [0, limit]; false for NaN.
bool isCount(double word, int64_t limit) { return word >= 0 && word <= static_cast<double>(limit) && word == std::trunc(word); }

// A row taken apart; the addresses are copied into `addresses`.
struct Decoded {
  const Kernel* kernel = nullptr;
  bool twin = false;
  Row row{};
  void* addresses[kMaxBuffers];
};

bool decode(const double* words, int64_t capacity, Decoded& out) {
  if (capacity < kHeader || !isCount(words[0], kKernelCount - 1) || !isCount(words[1], 1) || !isCount(words[2], kMaxBuffers) ||
      !isCount(words[3], kMaxRowWords)) {
    return false;
  }
  const int64_t buffers = static_cast<int64_t>(words[2]), arguments = static_cast<int64_t>(words[3]);
  if (kHeader + buffers + arguments > capacity) return false;
  for (int64_t i = 0; i < buffers; ++i) {
    if (!isCount(words[kHeader + i], int64_t{1} << 53)) return false;
    out.addresses[i] = reinterpret_cast<void*>(static_cast<uintptr_t>(words[kHeader + i]));
  }
  out.kernel = &kKernels[static_cast<int64_t>(words[0])];
  out.twin = words[1] != 0;
  out.row = {out.addresses, words + kHeader + buffers, buffers, arguments};
  return true;
}

}  // namespace

const Kernel* kernelTable(int64_t* count) {
  *count = kKernelCount;
  return kKernels;
}

const char* const* instructionTable(int64_t* count) {
  *count = static_cast<int64_t>(sizeof kInstructions / sizeof kInstructions[0]) - 1;
  return kInstructions;
}

Status declared(const Kernel& kernel, Status status) {
  if (status.code == StatusCode::indexOutOfRange && !kernel.indexing) status.code = StatusCode::undeclared;
  return status;
}

Status runRow(const double* words, int64_t capacity) {
  Decoded call;
  if (!decode(words, capacity, call)) return {StatusCode::badRow};
  if (call.twin) return call.kernel->twin ? declared(*call.kernel, call.kernel->twin(call.row)) : Status{StatusCode::unsupported};
  const FlushDenormals flush;
  return declared(*call.kernel, call.kernel->fast(call.row));
}

int64_t scratchBytes(const double* words, int64_t capacity) {
  Decoded call;
  if (!decode(words, capacity, call)) return -1;
  return call.kernel->scratch ? call.kernel->scratch(call.row) : 0;
}

}  // namespace steepest
