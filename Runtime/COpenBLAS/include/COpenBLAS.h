// The part of OpenBLAS that `numerics: .fast` uses, declared here and loaded with dlopen.
#ifndef KILN_COPENBLAS_H
#define KILN_COPENBLAS_H

#include <stdint.h>

enum { KilnBLASRowMajor = 101, KilnBLASNoTranspose = 111, KilnBLASTranspose = 112 };

#pragma clang assume_nonnull begin
/// The functions of OpenBLAS with 32-bit integers, filled by `kiln_openblas_load`.
typedef struct {
  void (*_Nonnull sgemm)(int order, int transposeA, int transposeB, int m, int n, int k, float alpha, const float *_Nonnull a, int lda,
                const float *_Nonnull b, int ldb, float beta, float *_Nonnull c, int ldc);
  void (*_Nonnull dgemm)(int order, int transposeA, int transposeB, int m, int n, int k, double alpha, const double *_Nonnull a, int lda,
                const double *_Nonnull b, int ldb, double beta, double *_Nonnull c, int ldc);
  void (*_Nonnull setNumThreads)(int count);
  char *_Nonnull (*_Nonnull getConfig)(void);
} KilnOpenBLASTable;

/// Opens OpenBLAS at `path`, fills `table` and limits the library to one thread. Returns NULL when all went well,
/// otherwise the reason. The library is never closed.
const char *_Nullable kiln_openblas_load(const char *path, KilnOpenBLASTable *table);
#pragma clang assume_nonnull end

#endif
