// Small blocks come from the C allocator, large ones from mmap with MADV_HUGEPAGE.
#include "engine/arena.h"

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace steepest {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kLarge = 2 * kHugePage;

int64_t roundUp(int64_t bytes, int64_t to) { return (bytes + to - 1) / to * to; }

#if defined(__linux__)
// Reserves one huge page too many and gives back what lies outside the aligned part.
void* mapHuge(int64_t bytes) {
  const int64_t size = roundUp(bytes, kHugePage);
  void* const raw = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const int64_t start = reinterpret_cast<int64_t>(raw);
  const int64_t aligned = roundUp(start, kHugePage);
  if (aligned > start) munmap(raw, aligned - start);
  const int64_t tail = start + kHugePage - aligned;
  if (tail > 0) munmap(reinterpret_cast<void*>(aligned + size), tail);
  madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
  return reinterpret_cast<void*>(aligned);
}
#endif

}  // namespace

void* allocateMemory(int64_t bytes) {
  if (bytes < 0 || bytes > INT64_MAX - kLarge) return nullptr;
#if defined(__linux__)
  if (bytes >= kLarge) return mapHuge(bytes);
#endif
  const int64_t size = roundUp(bytes > 0 ? bytes : 1, kAlignment);
  void* const memory = std::aligned_alloc(kAlignment, size);
  if (memory) std::memset(memory, 0, size);
  return memory;
}

void releaseMemory(void* memory, int64_t bytes) {
#if defined(__linux__)
  if (bytes >= kLarge) {
    munmap(memory, roundUp(bytes, kHugePage));
    return;
  }
#endif
  (void)bytes;
  std::free(memory);
}

}  // namespace steepest
