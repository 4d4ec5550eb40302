// Native memory: 64-byte aligned, zeroed. Large blocks are backed by huge pages, whose first touch costs a seventh per byte.
#pragma once

#include <cstdint>

namespace steepest {

// A block of at least `bytes` bytes, or null if the system has none. Blocks of 4 MiB and more start on a 2 MiB boundary.
void* allocateMemory(int64_t bytes);
// Gives a block back; `bytes` is what was asked for.
void releaseMemory(void* memory, int64_t bytes);

}  // namespace steepest
