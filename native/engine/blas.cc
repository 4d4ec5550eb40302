// The one file that includes cblas.h.
#include "engine/blas.h"

#include <cblas.h>

namespace steepest::blas {
namespace {

void useOneThread() {
  thread_local const bool once = (openblas_set_num_threads(1), true);
  (void)once;
}

}  // namespace

void sgemm(bool transposeA, bool transposeB, int64_t M, int64_t N, int64_t K, float alpha, const float* a, int64_t lda,
           const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (M <= 0 || N <= 0) return;
  useOneThread();
  cblas_sgemm(CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
              static_cast<blasint>(M), static_cast<blasint>(N), static_cast<blasint>(K), alpha, a, static_cast<blasint>(lda), b,
              static_cast<blasint>(ldb), beta, c, static_cast<blasint>(ldc));
}

Description describe() {
  useOneThread();
  static const char* const kinds[] = {"sequential", "pthread", "openmp"};
  const int kind = openblas_get_parallel();
  return {openblas_get_config(), openblas_get_corename(), kind >= 0 && kind <= 2 ? kinds[kind] : "unknown"};
}

}  // namespace steepest::blas
