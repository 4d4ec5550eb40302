// Lends regions of a kernel's scratch to the chunks that run at the moment.
//
// A chunk takes the lowest free region, so T threads touch T regions however many chunks there are, and these stay in cache.
// Which region a chunk gets is arbitrary: what it computes must not depend on what it finds there.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace steepest {

class ScratchSlots {
 public:
  static constexpr int64_t kCount = 64;  // at most this many chunks may run at once: no kernel cuts finer where it uses slots

  class Slot {
   public:
    explicit Slot(ScratchSlots& slots) : slots_(slots), index_(slots.take()) {}
    ~Slot() { slots_.free_.fetch_or(uint64_t{1} << index_, std::memory_order_release); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    int64_t index() const { return index_; }

   private:
    ScratchSlots& slots_;
    const int64_t index_;
  };

 private:
  int64_t take() {
    uint64_t seen = free_.load(std::memory_order_relaxed);
    while (!free_.compare_exchange_weak(seen, seen & (seen - 1), std::memory_order_acquire)) {
    }
    return std::countr_zero(seen);
  }

  std::atomic<uint64_t> free_{~uint64_t{0}};
};

}  // namespace steepest
