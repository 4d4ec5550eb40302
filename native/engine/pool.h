// The compute pool: one per process, shared by every JS thread. parallelFor splits a kernel into chunks.
//
// Invariant: chunks are claimed one by one, and the caller waits only for chunks that somebody has claimed, so a worker that
// sleeps never delays it. A kernel's partition must come from its shapes, never from threadCount(): any thread may run any
// chunk, and results must not depend on which one did.
#pragma once

#include <cstdint>

namespace steepest {

namespace pool {
using ChunkFunction = void (*)(const void* context, int64_t chunk);
void run(int64_t chunks, ChunkFunction function, const void* context);
}  // namespace pool

// Calls fn(chunk) for every chunk in 0..chunks-1 and returns when all have finished. Runs serially on this thread when there is
// one chunk, one thread, or when the pool is taken (by another JS thread, or by the kernel that we are nested in).
// fn must not throw. A lambda that uses SIMD types in its body needs HWY_ATTR: [&](int64_t chunk) HWY_ATTR { ... }.
template <typename F>
void parallelFor(int64_t chunks, const F& fn) {
  pool::run(
      chunks, [](const void* context, int64_t chunk) { (*static_cast<const F*>(context))(chunk); }, &fn);
}

// Threads that take part in parallelFor, the caller's included.
int threadCount();
// Changes it at run time (clamped to 1..256); waits for a kernel that is running. Must not be called from inside parallelFor.
void setThreadCount(int threads);
// Each environment retains the pool while it lives; when the last one goes, the workers end (another use starts them again).
void retainPool();
void releasePool();

}  // namespace steepest
