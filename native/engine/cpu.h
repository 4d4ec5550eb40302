// What the machine offers: usable cores, the current CPU, and the name and denormal mode of the calling thread.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace steepest {

// min(CPUs in the affinity mask, cgroup quota rounded up, physical cores among them), at least 1.
int usableCores();
// CPUs in the affinity mask of this thread, at least 1.
int allowedCpus();
// The CPU that this thread runs on now, -1 if unknown. Costs about a nanosecond.
int currentCpu();
// Names this thread for debuggers and /proc; at most 15 characters.
void nameThisThread(const char* name);

// Floating-point modes of this thread: the control register, and the bits that flush denormals to zero.
#if defined(__x86_64__)
constexpr uint64_t kFlushBits = 0x8040;  // FTZ | DAZ of MXCSR
inline uint64_t readFloatMode() { return _mm_getcsr(); }
inline void writeFloatMode(uint64_t mode) { _mm_setcsr(static_cast<unsigned>(mode)); }
#elif defined(__aarch64__)
constexpr uint64_t kFlushBits = uint64_t{1} << 24;  // FZ of FPCR
inline uint64_t readFloatMode() {
  uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void writeFloatMode(uint64_t mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else
constexpr uint64_t kFlushBits = 0;
inline uint64_t readFloatMode() { return 0; }
inline void writeFloatMode(uint64_t) {}
#endif

// Flushes denormals to zero while it lives (denormals cost up to 100x on some CPUs) and puts the thread's mode back, since
// JavaScript needs denormals.
class FlushDenormals {
 public:
  FlushDenormals() : before_(readFloatMode()) {
    if ((before_ & kFlushBits) != kFlushBits) writeFloatMode(before_ | kFlushBits);
  }
  ~FlushDenormals() {
    if ((before_ & kFlushBits) != kFlushBits) writeFloatMode(before_);
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  uint64_t before_;
};

}  // namespace steepest
