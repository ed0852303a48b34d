#include "COpenBLAS.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

const char *kiln_openblas_load(const char *path, KilnOpenBLASTable *table) {
  // Read once, when the library starts its threads: idle ones would spin and take a core from Kiln's own workers.
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
#define KILN_FIND(field, symbol) \
  if (!(*(void **)&table->field = dlsym(library, symbol))) return dlerror();
  KILN_FIND(sgemm, "cblas_sgemm")
  KILN_FIND(dgemm, "cblas_dgemm")
  KILN_FIND(setNumThreads, "openblas_set_num_threads")
  KILN_FIND(getConfig, "openblas_get_config")
  table->setNumThreads(1);
  return NULL;
}
