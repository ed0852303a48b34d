// The part of LLVM's C interface that Kiln uses, declared here so that no LLVM header is needed to build and no
// LLVM library to link. Everything listed exists, with this signature, in LLVM 14 and in LLVM 19.
#ifndef KILN_CLLVM_H
#define KILN_CLLVM_H

#include <stddef.h>
#include <stdint.h>

/// Something of LLVM's; Swift wraps each kind in a type of its own.
typedef struct KilnLLVMOpaque *_Nonnull LLVMRef;
typedef struct KilnLLVMOpaque *_Nullable LLVMOptionalRef;
typedef const char *_Nonnull LLVMText;
/// Text that `DisposeMessage` frees.
typedef char *_Nonnull LLVMOwnedText;
typedef char *_Nullable LLVMOptionalText;
typedef int LLVMBool;

// Values of LLVM's enumerations, the same in 14 and 19.
enum { KilnLLVMReturnStatusAction = 2 };
enum { KilnLLVMAssemblyFile = 0, KilnLLVMObjectFile = 1 };
enum { KilnLLVMRelocPIC = 2, KilnLLVMCodeModelSmall = 3 };
enum { KilnLLVMInternalLinkage = 8, KilnLLVMPrivateLinkage = 9 };

// F(result, name without "LLVM", parameters)
#define KILN_LLVM_FUNCTIONS(F)                                                                                        \
  /* the process */                                                                                                  \
  F(void, ParseCommandLineOptions, (int count, LLVMText const *_Nonnull arguments, LLVMText overview))               \
  /* contexts and modules */                                                                                          \
  F(LLVMRef, ContextCreate, (void))                                                                                   \
  F(void, ContextDispose, (LLVMRef context))                                                                          \
  F(LLVMRef, ModuleCreateWithNameInContext, (LLVMText name, LLVMRef context))                                         \
  F(void, DisposeModule, (LLVMRef module))                                                                            \
  F(void, SetTarget, (LLVMRef module, LLVMText triple))                                                               \
  F(void, SetModuleDataLayout, (LLVMRef module, LLVMRef layout))                                                      \
  F(LLVMOwnedText, PrintModuleToString, (LLVMRef module))                                                             \
  F(void, DisposeMessage, (LLVMOwnedText message))                                                                    \
  F(LLVMBool, VerifyModule, (LLVMRef module, int action, LLVMOptionalText *_Nonnull message))                         \
  /* types */                                                                                                         \
  F(LLVMRef, VoidTypeInContext, (LLVMRef context))                                                                    \
  F(LLVMRef, IntTypeInContext, (LLVMRef context, unsigned bits))                                                      \
  F(LLVMRef, FloatTypeInContext, (LLVMRef context))                                                                   \
  F(LLVMRef, DoubleTypeInContext, (LLVMRef context))                                                                  \
  F(LLVMRef, VectorType, (LLVMRef element, unsigned count))                                                           \
  F(LLVMRef, ArrayType, (LLVMRef element, unsigned count))                                                            \
  F(LLVMRef, PointerType, (LLVMRef element, unsigned addressSpace))                                                   \
  F(LLVMRef, FunctionType, (LLVMRef result, LLVMRef *_Nullable parameters, unsigned count, LLVMBool variadic))        \
  F(LLVMRef, TypeOf, (LLVMRef value))                                                                                 \
  /* constants */                                                                                                     \
  F(LLVMRef, ConstInt, (LLVMRef type, unsigned long long value, LLVMBool signExtend))                                 \
  F(LLVMRef, ConstNull, (LLVMRef type))                                                                               \
  F(LLVMRef, GetUndef, (LLVMRef type))                                                                                \
  F(LLVMRef, GetPoison, (LLVMRef type))                                                                               \
  F(LLVMRef, ConstVector, (LLVMRef *_Nonnull values, unsigned count))                                                 \
  F(LLVMRef, ConstBitCast, (LLVMRef constant, LLVMRef type))                                                          \
  F(LLVMRef, ConstArray, (LLVMRef element, LLVMRef *_Nonnull values, unsigned count))                                 \
  /* functions and globals */                                                                                         \
  F(LLVMRef, AddFunction, (LLVMRef module, LLVMText name, LLVMRef type))                                              \
  F(LLVMRef, GetParam, (LLVMRef function, unsigned index))                                                            \
  F(LLVMRef, AddGlobal, (LLVMRef module, LLVMRef type, LLVMText name))                                                \
  F(void, SetInitializer, (LLVMRef global, LLVMRef value))                                                            \
  F(void, SetGlobalConstant, (LLVMRef global, LLVMBool isConstant))                                                   \
  F(void, SetLinkage, (LLVMRef global, int linkage))                                                                  \
  F(void, SetAlignment, (LLVMRef value, unsigned bytes))                                                              \
  F(unsigned, GetEnumAttributeKindForName, (LLVMText name, size_t length))                                            \
  F(LLVMRef, CreateEnumAttribute, (LLVMRef context, unsigned kind, uint64_t value))                                   \
  F(LLVMRef, CreateStringAttribute,                                                                                   \
    (LLVMRef context, LLVMText key, unsigned keyLength, LLVMText value, unsigned valueLength))                        \
  F(void, AddAttributeAtIndex, (LLVMRef function, unsigned index, LLVMRef attribute))                                 \
  F(unsigned, LookupIntrinsicID, (LLVMText name, size_t length))                                                      \
  F(LLVMRef, GetIntrinsicDeclaration, (LLVMRef module, unsigned id, LLVMRef *_Nullable types, size_t count))          \
  F(LLVMRef, IntrinsicGetType, (LLVMRef context, unsigned id, LLVMRef *_Nullable types, size_t count))                \
  /* blocks and instructions */                                                                                       \
  F(LLVMRef, CreateBuilderInContext, (LLVMRef context))                                                               \
  F(void, DisposeBuilder, (LLVMRef builder))                                                                          \
  F(LLVMRef, AppendBasicBlockInContext, (LLVMRef context, LLVMRef function, LLVMText name))                           \
  F(void, PositionBuilderAtEnd, (LLVMRef builder, LLVMRef block))                                                     \
  F(LLVMRef, GetInsertBlock, (LLVMRef builder))                                                                       \
  F(LLVMRef, BuildRet, (LLVMRef builder, LLVMRef value))                                                             \
  F(LLVMRef, BuildRetVoid, (LLVMRef builder))                                                                         \
  F(LLVMRef, BuildBr, (LLVMRef builder, LLVMRef block))                                                               \
  F(LLVMRef, BuildCondBr, (LLVMRef builder, LLVMRef condition, LLVMRef then, LLVMRef otherwise))                      \
  F(LLVMRef, BuildPhi, (LLVMRef builder, LLVMRef type, LLVMText name))                                                \
  F(void, AddIncoming, (LLVMRef phi, LLVMRef *_Nonnull values, LLVMRef *_Nonnull blocks, unsigned count))             \
  F(LLVMRef, BuildBinOp, (LLVMRef builder, int opcode, LLVMRef a, LLVMRef b, LLVMText name))                          \
  F(LLVMRef, BuildFNeg, (LLVMRef builder, LLVMRef a, LLVMText name))                                                  \
  F(LLVMRef, BuildCast, (LLVMRef builder, int opcode, LLVMRef value, LLVMRef type, LLVMText name))                    \
  F(LLVMRef, BuildICmp, (LLVMRef builder, int predicate, LLVMRef a, LLVMRef b, LLVMText name))                        \
  F(LLVMRef, BuildFCmp, (LLVMRef builder, int predicate, LLVMRef a, LLVMRef b, LLVMText name))                        \
  F(LLVMRef, BuildSelect, (LLVMRef builder, LLVMRef condition, LLVMRef then, LLVMRef otherwise, LLVMText name))       \
  F(LLVMRef, BuildExtractElement, (LLVMRef builder, LLVMRef vector, LLVMRef index, LLVMText name))                    \
  F(LLVMRef, BuildInsertElement, (LLVMRef builder, LLVMRef vector, LLVMRef element, LLVMRef index, LLVMText name))    \
  F(LLVMRef, BuildShuffleVector, (LLVMRef builder, LLVMRef a, LLVMRef b, LLVMRef mask, LLVMText name))                \
  F(LLVMRef, BuildAlloca, (LLVMRef builder, LLVMRef type, LLVMText name))                                             \
  F(LLVMRef, BuildLoad2, (LLVMRef builder, LLVMRef type, LLVMRef pointer, LLVMText name))                             \
  F(LLVMRef, BuildStore, (LLVMRef builder, LLVMRef value, LLVMRef pointer))                                           \
  F(LLVMRef, BuildGEP2,                                                                                               \
    (LLVMRef builder, LLVMRef type, LLVMRef pointer, LLVMRef *_Nonnull indices, unsigned count, LLVMText name))       \
  F(LLVMRef, BuildCall2,                                                                                              \
    (LLVMRef builder, LLVMRef type, LLVMRef function, LLVMRef *_Nullable arguments, unsigned count,                   \
     LLVMText name))                                                                                                  \
  F(LLVMRef, BuildMemCpy,                                                                                             \
    (LLVMRef builder, LLVMRef to, unsigned toAlignment, LLVMRef from, unsigned fromAlignment, LLVMRef byteCount))     \
  F(LLVMRef, BuildMemSet, (LLVMRef builder, LLVMRef to, LLVMRef byte, LLVMRef byteCount, unsigned alignment))         \
  F(unsigned, GetMDKindIDInContext, (LLVMRef context, LLVMText name, unsigned length))                                \
  F(LLVMRef, ValueAsMetadata, (LLVMRef value))                                                                        \
  F(LLVMRef, MDNodeInContext2, (LLVMRef context, LLVMRef *_Nullable nodes, size_t count))                             \
  F(LLVMRef, MetadataAsValue, (LLVMRef context, LLVMRef metadata))                                                    \
  F(void, SetMetadata, (LLVMRef instruction, unsigned kind, LLVMRef node))                                            \
  /* machine code */                                                                                                  \
  F(LLVMOwnedText, GetDefaultTargetTriple, (void))                                                                    \
  F(LLVMOwnedText, GetHostCPUName, (void))                                                                            \
  F(LLVMOwnedText, GetHostCPUFeatures, (void))                                                                        \
  F(LLVMBool, GetTargetFromTriple,                                                                                    \
    (LLVMText triple, LLVMOptionalRef *_Nonnull target, LLVMOptionalText *_Nonnull message))                          \
  F(LLVMOptionalRef, CreateTargetMachine,                                                                             \
    (LLVMRef target, LLVMText triple, LLVMText cpu, LLVMText features, int level, int reloc, int codeModel))          \
  F(void, DisposeTargetMachine, (LLVMRef machine))                                                                    \
  F(LLVMRef, CreateTargetDataLayout, (LLVMRef machine))                                                               \
  F(void, DisposeTargetData, (LLVMRef layout))                                                                        \
  F(LLVMBool, TargetMachineEmitToMemoryBuffer,                                                                        \
    (LLVMRef machine, LLVMRef module, int fileType, LLVMOptionalText *_Nonnull message,                               \
     LLVMOptionalRef *_Nonnull buffer))                                                                               \
  F(LLVMText, GetBufferStart, (LLVMRef buffer))                                                                       \
  F(size_t, GetBufferSize, (LLVMRef buffer))                                                                          \
  F(void, DisposeMemoryBuffer, (LLVMRef buffer))                                                                      \
  F(LLVMOptionalRef, RunPasses, (LLVMRef module, LLVMText passes, LLVMRef machine, LLVMRef options))                  \
  F(LLVMRef, CreatePassBuilderOptions, (void))                                                                        \
  F(void, DisposePassBuilderOptions, (LLVMRef options))

#pragma clang assume_nonnull begin
/// One pointer for each function of the list, filled by `kiln_llvm_load`.
typedef struct {
#define KILN_LLVM_FIELD(result, name, parameters) result(*_Nonnull name) parameters;
  KILN_LLVM_FUNCTIONS(KILN_LLVM_FIELD)
#undef KILN_LLVM_FIELD
  void (*_Nonnull InitializeTargetInfo)(void);
  void (*_Nonnull InitializeTarget)(void);
  void (*_Nonnull InitializeTargetMC)(void);
  void (*_Nonnull InitializeAsmPrinter)(void);
} KilnLLVMTable;

/// Opens the library at `path` (a file or a soname) without making its symbols visible to others, and fills `table`.
/// Returns NULL when all went well; otherwise the reason, valid until this thread's next dlopen or dlsym. `version`
/// gets the major version (14 stands for 14 and older). The library is never closed.
const char *_Nullable kiln_llvm_load(const char *path, KilnLLVMTable *table, int *version,
                                     const char *_Nullable *_Nonnull missingSymbol);
#pragma clang assume_nonnull end

#endif
