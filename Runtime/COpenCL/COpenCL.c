#include "COpenCL.h"
#include <dlfcn.h>

const char *kiln_opencl_load(const char *path, KilnOpenCLTable *table, const char **missingSymbol) {
  *missingSymbol = NULL;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
#define KILN_CL_LOAD(result, name, parameters)                   \
  if (!(*(void **)&table->name = dlsym(library, "cl" #name))) {  \
    *missingSymbol = "cl" #name;                                 \
    return dlerror();                                            \
  }
  KILN_CL_FUNCTIONS(KILN_CL_LOAD)
  return NULL;
}
