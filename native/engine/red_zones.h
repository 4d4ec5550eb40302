// In builds with AddressSanitizer: what a program's rows may not touch in the arena while it runs, which is everything outside
// the slots that are alive at a row. So the gaps between slots are red zones, and so is a temporary before its first row and
// after its last. Invariant: between runs the arena is open; in other builds all of this is nothing.
#pragma once

#include <cstdint>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace steepest {

// A part of the arena and the rows between which it is alive, both included.
struct Slot {
  int64_t offset;
  int64_t bytes;
  int64_t first;
  int64_t last;
};

#if defined(__SANITIZE_ADDRESS__)

// Closes the arena, of `bytes` bytes, while it lives.
class RedZones {
 public:
  RedZones(const std::vector<Slot>& slots, void* arena, int64_t bytes)
      : slots_(slots), arena_(static_cast<char*>(arena)), bytes_(bytes) {}
  ~RedZones() { ASAN_UNPOISON_MEMORY_REGION(arena_, bytes_); }
  RedZones(const RedZones&) = delete;
  RedZones& operator=(const RedZones&) = delete;

  // Before a run: what is alive at the first row is open, also to what happens before it.
  void beforeRun() const {
    ASAN_POISON_MEMORY_REGION(arena_, bytes_);
    beforeRow(0);
  }
  void beforeRow(int64_t row) const {
    for (const Slot& slot : slots_) {
      if (slot.first == row) ASAN_UNPOISON_MEMORY_REGION(arena_ + slot.offset, slot.bytes);
    }
  }
  void afterRow(int64_t row) const {
    for (const Slot& slot : slots_) {
      if (slot.last == row) ASAN_POISON_MEMORY_REGION(arena_ + slot.offset, slot.bytes);
    }
  }

 private:
  const std::vector<Slot>& slots_;
  char* arena_;
  int64_t bytes_;
};

#else

class RedZones {
 public:
  RedZones(const std::vector<Slot>&, void*, int64_t) {}
  void beforeRun() const {}
  void beforeRow(int64_t) const {}
  void afterRow(int64_t) const {}
};

#endif

}  // namespace steepest
