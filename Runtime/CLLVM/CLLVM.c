#include "CLLVM.h"
#include <dlfcn.h>

#if defined(__x86_64__)
#define KILN_TARGET(part) "LLVMInitializeX86" part
#elif defined(__aarch64__)
#define KILN_TARGET(part) "LLVMInitializeAArch64" part
#else
#error "Kiln's CPU runtime knows x86-64 and arm64"
#endif

const char *kiln_llvm_load(const char *path, KilnLLVMTable *table, int *version, const char **missingSymbol) {
  *missingSymbol = NULL;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
#define KILN_LLVM_FIND(field, symbol)                        \
  if (!(*(void **)&table->field = dlsym(library, symbol))) { \
    *missingSymbol = symbol;                                 \
    return dlerror();                                        \
  }
#define KILN_LLVM_LOAD(result, name, parameters) KILN_LLVM_FIND(name, "LLVM" #name)
  KILN_LLVM_FUNCTIONS(KILN_LLVM_LOAD)
  KILN_LLVM_FIND(InitializeTargetInfo, KILN_TARGET("TargetInfo"))
  KILN_LLVM_FIND(InitializeTarget, KILN_TARGET("Target"))
  KILN_LLVM_FIND(InitializeTargetMC, KILN_TARGET("TargetMC"))
  KILN_LLVM_FIND(InitializeAsmPrinter, KILN_TARGET("AsmPrinter"))
  void (*getVersion)(unsigned *, unsigned *, unsigned *) = dlsym(library, "LLVMGetVersion");  // since 16
  unsigned major = dlsym(library, "LLVMPointerTypeInContext") ? 15 : 14, minor, patch;
  if (getVersion) getVersion(&major, &minor, &patch);
  *version = (int)major;
  return NULL;
}
