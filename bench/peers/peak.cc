// Ceilings of this machine: fused multiply-adds from registers on one thread and on all, and the bandwidth of reading memory.
// Built and run by the benchmark: peak <threads> [bytes ...] prints {"oneThread": GF/s, "allThreads": GF/s, "mixed": GF/s,
// "read": [GB/s, ...]}, the bandwidths for data of these sizes, all threads reading a share each. 30 ms a figure.
//
// `mixed` is the rate of all threads with another instruction for every multiply-add, one that no unit executes: a core that
// belongs to this machine alone issues both at once. A busy neighbour on the same core leaves multiply-adds by themselves at
// nearly their full rate and takes half of what can be issued, from the mixture as from everything else. A load beside every
// multiply-add would not tell: there are cores that do not keep that up even when they are alone.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
// Keeps this thread on one processor: left alone, two threads may share one for seconds.
void pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}
#else
void pin(int) {}
#endif

using Clock = std::chrono::steady_clock;

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef float Loose __attribute__((vector_size(kLanes * 4), aligned(4)));  // as it lies in memory
constexpr int kChains = 12;  // enough to hide the latency of two units, few enough for 16 registers

double seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

// Sums in a register each: an array of them would be kept in memory when other instructions stand between. Each starts from
// another value, or they would be one.
template <int kCount, bool kMixed>
struct Chains {
  Vector sum;
  Chains<kCount - 1, kMixed> others;

  void start(Vector value) {
    sum = value;
    others.start(value + value);
  }
  // -ffp-contract=fast fuses a * b + c.
  void step(Vector a, Vector b) {
    sum = sum * a + b;
    if (kMixed) asm volatile("nop");
    others.step(a, b);
  }
  float total() const { return sum[0] + others.total(); }
};
template <bool kMixed>
struct Chains<0, kMixed> {
  void start(Vector) {}
  void step(Vector, Vector) {}
  float total() const { return 0; }
};

// Fused multiply-adds for about 30 ms: flops per second of this thread.
template <bool kMixed>
double fma_rate() {
  const Vector a = Vector{} + 0.999f, b = Vector{} + 0.001f;
  Chains<kChains, kMixed> chains;
  chains.start(b);
  const auto start = Clock::now();
  long rounds = 0;
  do {
    for (int r = 0; r < 1000; r++) chains.step(a, b);
    rounds += 1000;
  } while (seconds(start) < 0.03);
  const double rate = 2.0 * kLanes * kChains * rounds / seconds(start);
  volatile float sink = chains.total();
  (void)sink;
  return rate;
}

template <class Rate>
double all_threads(int count, Rate rate_of) {
  std::vector<double> rates(count);
  std::vector<std::thread> others;
  for (int t = 1; t < count; t++) {
    others.emplace_back([&, t] {
      pin(t);
      rates[t] = rate_of();
    });
  }
  pin(0);
  rates[0] = rate_of();
  for (auto& other : others) other.join();
  double sum = 0;
  for (double rate : rates) sum += rate;
  return sum;
}

// This thread reading its share of `bytes` for about 30 ms, at least thrice: bytes per second of the best pass.
double read_rate(size_t bytes) {
  std::vector<float> data(bytes / sizeof(float), 1.0f);
  double best = 0;
  const auto begun = Clock::now();
  const size_t again = (4 << 20) / bytes + 1;  // passes per reading of the clock
  for (int pass = 0; pass < 3 || seconds(begun) < 0.03; pass++) {
    const auto start = Clock::now();
    Vector sums[8] = {};
    for (size_t k = 0; k < again; k++) {
      for (size_t i = 0; i + 8 * kLanes <= data.size(); i += 8 * kLanes) {
        for (int s = 0; s < 8; s++) sums[s] += *reinterpret_cast<const Loose*>(&data[i + s * kLanes]);
      }
    }
    volatile float sink = 0;
    for (auto& sum : sums) sink = sink + sum[0];
    const double rate = 1.0 * again * bytes / seconds(start);
    if (rate > best) best = rate;
  }
  return best;
}

// peak <threads> [bytes ...]
int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const double one = fma_rate<false>(), all = all_threads(threads, fma_rate<false>), mixed = all_threads(threads, fma_rate<true>);
  std::printf("{\"oneThread\": %.1f, \"allThreads\": %.1f, \"mixed\": %.1f", one / 1e9, all / 1e9, mixed / 1e9);
  for (int i = 2; i < argc; i++) {
    const size_t share = std::atol(argv[i]) / threads;
    std::printf("%s%.1f", i == 2 ? ", \"read\": [" : ", ", all_threads(threads, [&] { return read_rate(share); }) / 1e9);
  }
  std::printf("%s}\n", argc > 2 ? "]" : "");
}
