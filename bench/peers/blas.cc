// Matrix products of a BLAS for the bench of kernels: blas <library> <batch> <M> <N> <K> <transposeA> <transposeB> <rounds>
// loads the library, multiplies row-major operands of sines with all its threads, and prints milliseconds per product (of the whole
// batch), the median of the rounds. Invariant: a round lasts a millisecond or more, long enough for the clock.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
using Clock = std::chrono::steady_clock;

std::vector<float> sines(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i));
  return values;
}

int main(int argc, char** argv) {
  if (argc < 9) return 2;
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  const auto sgemm = library ? reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm")) : nullptr;
  if (!sgemm) return 1;
  const auto number = [&](int i) { return std::atoi(argv[i]); };
  const int batch = number(2), M = number(3), N = number(4), K = number(5), transposeA = number(6), transposeB = number(7);
  const size_t sizeA = size_t{1} * M * K, sizeB = size_t{1} * K * N, sizeC = size_t{1} * M * N;
  const auto a = sines(batch * sizeA), b = sines(batch * sizeB);
  std::vector<float> c(batch * sizeC);
  const auto multiply = [&] {
    for (int i = 0; i < batch; ++i) {
      sgemm(101, 111 + transposeA, 111 + transposeB, M, N, K, 1.0f, &a[i * sizeA], transposeA ? M : K, &b[i * sizeB],
            transposeB ? K : N, 0.0f, &c[i * sizeC], N);
    }
  };
  const auto time = [&](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) multiply();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count() / calls;
  };
  for (int i = 0; i < 3; ++i) multiply();
  const int calls = static_cast<int>(std::ceil(1 / time(1)));
  std::vector<double> rounds(number(8));
  for (double& round : rounds) round = time(calls);
  std::sort(rounds.begin(), rounds.end());
  std::printf("%.6f\n", rounds[rounds.size() / 2]);
}
