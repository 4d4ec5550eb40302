// The pool itself: one atomic word holds the whole state of a job, so that a claim is one compare-and-swap.
//
//   word = epoch (24 bits) | end (20 bits) | begin (20 bits): claims begin..end-1 are open
//
// The caller claims from the front and the workers from the back. So from one kernel to the next each end of a tensor tends to
// stay with the same core, in its cache.
//
// Invariant: the job's function and context are read only after a successful claim, and the caller does not return (and so does
// not replace them) before every claim has been reported in `finished`. A stale word costs a failed swap, nothing else.
#include "engine/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/cpu.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace steepest {
namespace {

constexpr int kFieldBits = 20;
constexpr uint64_t kFieldMask = (uint64_t{1} << kFieldBits) - 1;
constexpr int kMaxThreads = 256;
constexpr int kPausesPerLook = 64;        // spin steps between looks at the clock and the CPU number
constexpr int kPausesBeforeYield = 4096;  // then give the CPU away between looks: the other thread may need this one
constexpr auto kSpinTime = std::chrono::microseconds(1000);

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr uint64_t kOneEnd = uint64_t{1} << kFieldBits;
inline uint64_t beginOf(uint64_t word) { return word & kFieldMask; }
inline uint64_t endOf(uint64_t word) { return word >> kFieldBits & kFieldMask; }
inline bool exhausted(uint64_t word) { return beginOf(word) >= endOf(word); }

struct alignas(128) Worker {
  std::atomic<int> cpu{-1};  // where it was last seen; written only when it changes
  std::thread thread;
};

class Pool {
 public:
  // Never destroyed: workers may outlive every static object of the process.
  static Pool& instance() {
    static Pool* const pool = new Pool();
    return *pool;
  }

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void run(int64_t chunks, pool::ChunkFunction function, const void* context) {
    if (chunks <= 1 || threads() == 1 || busy_.exchange(true, std::memory_order_acquire)) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) function(context, chunk);
      return;
    }
    if (!started_) start();
    avoidCaller();
    function_ = function;
    context_ = context;
    chunks_ = chunks;
    chunksPerClaim_ = (chunks + static_cast<int64_t>(kFieldMask) - 1) / static_cast<int64_t>(kFieldMask);
    const int64_t claims = (chunks + chunksPerClaim_ - 1) / chunksPerClaim_;
    finished_.store(0, std::memory_order_relaxed);
    epoch_ = (epoch_ + 1) & 0xffffff;
    // seq_cst here and for sleepers_: either the sleeper sees the new word, or we see the sleeper.
    word_.store(epoch_ << (2 * kFieldBits) | static_cast<uint64_t>(claims) << kFieldBits, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) wake();
    while (claim<true>()) {
    }
    for (int spins = 0; finished_.load(std::memory_order_acquire) != claims; ++spins) {
      if (spins < kPausesBeforeYield)
        pause();
      else
        std::this_thread::yield();
    }
    busy_.store(false, std::memory_order_release);
  }

  void resize(int threads) {
    take();
    stop();
    threads_.store(std::clamp(threads, 1, kMaxThreads), std::memory_order_relaxed);
    busy_.store(false, std::memory_order_release);
  }

  void retain() { users_.fetch_add(1); }

  void release() {
    if (users_.fetch_sub(1) == 1) resize(threads());
  }

 private:
  Pool() {
    const char* text = std::getenv("STEEPEST_THREADS");
    const int wanted = text ? std::atoi(text) : 0;
    threads_.store(std::clamp(wanted > 0 ? wanted : usableCores(), 1, kMaxThreads));
  }

  void take() {
    while (busy_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }

  // Workers start at the first parallel kernel, so loading the addon starts no thread.
  void start() {
    started_ = true;
    stopping_.store(false);
    for (int i = 1; i < threads(); ++i) {
      auto worker = std::make_unique<Worker>();
      Worker* const self = worker.get();
      try {
        worker->thread = std::thread([this, self] { work(*self); });
      } catch (const std::system_error&) {
        break;  // the system refuses more threads: the caller and the workers that exist do all the work
      }
      workers_.push_back(std::move(worker));
    }
    const int cpu = currentCpu();
    for (auto& worker : workers_) keepOff(*worker, cpu);
  }

  void stop() {
    stopping_.store(true, std::memory_order_seq_cst);
    wake();
    for (auto& worker : workers_) worker->thread.join();
    workers_.clear();
    started_ = false;
  }

  void wake() {
    { const std::lock_guard<std::mutex> lock(mutex_); }
    awake_.notify_all();
  }

  // Takes one claim, from the front or the back, and runs it; false when none is left.
  template <bool kFront>
  bool claim() {
    uint64_t word = word_.load(std::memory_order_acquire);
    do {
      if (exhausted(word)) return false;
    } while (!word_.compare_exchange_weak(word, kFront ? word + 1 : word - kOneEnd, std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    const int64_t first = static_cast<int64_t>(kFront ? beginOf(word) : endOf(word) - 1) * chunksPerClaim_;
    const int64_t last = std::min(first + chunksPerClaim_, chunks_);
    for (int64_t chunk = first; chunk < last; ++chunk) function_(context_, chunk);
    finished_.fetch_add(1, std::memory_order_release);
    return true;
  }

  void work(Worker& self) {
    nameThisThread("steepest-pool");
    writeFloatMode(readFloatMode() | kFlushBits);
    while (!stopping_.load(std::memory_order_relaxed)) {
      publishCpu(self);
      while (claim<false>()) {
      }
      if (!spin(self)) sleep();
    }
  }

  static void publishCpu(Worker& self) {
    const int cpu = currentCpu();
    if (self.cpu.load(std::memory_order_relaxed) != cpu) self.cpu.store(cpu, std::memory_order_relaxed);
  }

  // True as soon as there is something to claim or to stop for; false after kSpinTime without.
  bool spin(Worker& self) {
    const auto end = std::chrono::steady_clock::now() + kSpinTime;
    for (int pauses = 0;; pauses += kPausesPerLook) {
      for (int i = 0; i < kPausesPerLook; ++i) {
        if (!exhausted(word_.load(std::memory_order_relaxed)) || stopping_.load(std::memory_order_relaxed)) return true;
        pause();
      }
      publishCpu(self);
      if (std::chrono::steady_clock::now() > end) return false;
      if (pauses >= kPausesBeforeYield) std::this_thread::yield();
    }
  }

  // Sleeps until the next job is published, even if that job is over by then: whoever sends jobs will send more.
  void sleep() {
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const uint64_t seen = word_.load(std::memory_order_seq_cst);
    if (exhausted(seen)) {
      awake_.wait(lock, [&] {
        return word_.load(std::memory_order_seq_cst) >> (2 * kFieldBits) != seen >> (2 * kFieldBits) || stopping_.load();
      });
    }
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }

  // A worker on the caller's CPU would cost each job a time slice of several milliseconds: move it away. Moving the others off
  // in advance would cost a system call per job whenever the scheduler moves the caller.
  void avoidCaller() {
    const int cpu = currentCpu();
    if (cpu < 0) return;
    for (auto& worker : workers_) {
      if (worker->cpu.load(std::memory_order_relaxed) == cpu) keepOff(*worker, cpu);
    }
  }

  void keepOff(Worker& worker, int cpu) {
#if defined(__linux__)
    cpu_set_t mask;
    if (cpu < 0 || sched_getaffinity(0, sizeof mask, &mask) != 0) return;
    CPU_CLR(cpu, &mask);
    if (CPU_COUNT(&mask) + 1 < threads()) return;  // more threads than CPUs: sharing is what was asked for
    if (CPU_COUNT(&mask) > 0) pthread_setaffinity_np(worker.thread.native_handle(), sizeof mask, &mask);
    worker.cpu.store(-1, std::memory_order_relaxed);
#else
    (void)worker;
    (void)cpu;
#endif
  }

  alignas(128) std::atomic<uint64_t> word_{0};
  alignas(128) std::atomic<int64_t> finished_{0};
  alignas(128) std::atomic<int> sleepers_{0};
  alignas(128) std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> threads_{1};
  std::atomic<int> users_{0};
  // Written by the thread that holds busy_, read by workers after a claim.
  pool::ChunkFunction function_ = nullptr;
  const void* context_ = nullptr;
  int64_t chunks_ = 0;
  int64_t chunksPerClaim_ = 1;
  uint64_t epoch_ = 0;
  bool started_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex mutex_;
  std::condition_variable awake_;
};

}  // namespace

void pool::run(int64_t chunks, ChunkFunction function, const void* context) { Pool::instance().run(chunks, function, context); }

int threadCount() { return Pool::instance().threads(); }
void setThreadCount(int threads) { Pool::instance().resize(threads); }
void retainPool() { Pool::instance().retain(); }
void releasePool() { Pool::instance().release(); }

}  // namespace steepest
