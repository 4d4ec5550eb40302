// Single-precision matrix product through OpenBLAS, always on the calling thread alone; the pool above splits the work.
//
// Invariant: this is the only door to OpenBLAS. Every thread that comes through it tells OpenBLAS once to use one thread:
// in the openmp variant of the library that setting belongs to the thread that made it.
#pragma once

#include <cstdint>
#include <string>

namespace steepest::blas {

// c[M,N] = alpha * op(a)[M,K] * op(b)[K,N] + beta * c, row-major; leading dimensions are row strides in elements.
// With beta 0, c is not read. M, N, K and the strides must fit into 31 bits.
void sgemm(bool transposeA, bool transposeB, int64_t M, int64_t N, int64_t K, float alpha, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

struct Description {
  std::string library;   // version and build options
  std::string core;      // the CPU kernel set that OpenBLAS chose
  std::string parallel;  // sequential, pthread or openmp
};
Description describe();

}  // namespace steepest::blas
