// The part of OpenCL 1.2 that Kiln uses, declared here so that no OpenCL header is needed to build and no library to
// link: the table is filled from the ICD loader when a device is first asked for.
#ifndef KILN_COPENCL_H
#define KILN_COPENCL_H

#include <stddef.h>
#include <stdint.h>

/// Something of OpenCL's: a platform, device, context, queue, buffer, program, kernel or event.
typedef struct KilnCLOpaque *_Nonnull CLRef;
typedef struct KilnCLOpaque *_Nullable CLOptionalRef;

// Values of OpenCL's enumerations (the specification's headers give them in the same groups).
enum {
  KilnCLSuccess = 0,
  KilnCLDeviceNotFound = -1,
  KilnCLDeviceNotAvailable = -2,
  KilnCLMemObjectAllocationFailure = -4,
  KilnCLOutOfResources = -5,
  KilnCLOutOfHostMemory = -6,
  KilnCLBuildProgramFailure = -11,
  KilnCLInvalidBufferSize = -61,
  KilnCLPlatformNotFound = -1001,
};
enum { KilnCLPlatformProfile = 0x0900, KilnCLPlatformVersion = 0x0901, KilnCLPlatformName = 0x0902 };
enum {
  KilnCLDeviceType = 0x1000,
  KilnCLDeviceMaxComputeUnits = 0x1002,
  KilnCLDeviceMaxWorkGroupSize = 0x1004,
  KilnCLDeviceMaxWorkItemSizes = 0x1005,
  KilnCLDeviceMaxClockFrequency = 0x100C,
  KilnCLDeviceMaxMemAllocSize = 0x1010,
  KilnCLDeviceMaxParameterSize = 0x1017,
  KilnCLDeviceSingleFPConfig = 0x101B,
  KilnCLDeviceGlobalMemCacheSize = 0x101E,
  KilnCLDeviceGlobalMemSize = 0x101F,
  KilnCLDeviceLocalMemType = 0x1022,
  KilnCLDeviceLocalMemSize = 0x1023,
  KilnCLDeviceEndianLittle = 0x1026,
  KilnCLDeviceAvailable = 0x1027,
  KilnCLDeviceCompilerAvailable = 0x1028,
  KilnCLDeviceName = 0x102B,
  KilnCLDeviceVendor = 0x102C,
  KilnCLDriverVersion = 0x102D,
  KilnCLDeviceVersion = 0x102F,
  KilnCLDeviceExtensions = 0x1030,
  KilnCLDeviceDoubleFPConfig = 0x1032,
  KilnCLDeviceHostUnifiedMemory = 0x1035,
};
enum { KilnCLTypeCPU = 2, KilnCLTypeGPU = 4, KilnCLTypeAccelerator = 8 };
#define KilnCLTypeAll 0xFFFFFFFFull
enum {
  KilnCLFPDenorm = 1,
  KilnCLFPInfNaN = 2,
  KilnCLFPRoundToNearest = 4,
  KilnCLFPFMA = 32,
  KilnCLFPCorrectlyRoundedDivideSqrt = 128,
};
enum { KilnCLQueueProfiling = 2 };
enum { KilnCLMemReadWrite = 1 };
enum { KilnCLProgramBinarySizes = 0x1165, KilnCLProgramBinaries = 0x1166 };
enum { KilnCLProgramBuildLog = 0x1183 };
enum { KilnCLKernelWorkGroupSize = 0x11B0 };
enum { KilnCLProfilingStart = 0x1282, KilnCLProfilingEnd = 0x1283 };

// F(result, name without "cl", parameters)
#define KILN_CL_FUNCTIONS(F)                                                                                          \
  F(int32_t, GetPlatformIDs, (uint32_t room, CLOptionalRef *_Nullable platforms, uint32_t *_Nullable count))          \
  F(int32_t, GetPlatformInfo,                                                                                         \
    (CLRef platform, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))                      \
  F(int32_t, GetDeviceIDs,                                                                                            \
    (CLRef platform, uint64_t type, uint32_t room, CLOptionalRef *_Nullable devices, uint32_t *_Nullable count))      \
  F(int32_t, GetDeviceInfo, (CLRef device, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))\
  F(CLOptionalRef, CreateContext,                                                                                     \
    (const intptr_t *_Nullable properties, uint32_t count, const CLOptionalRef *_Nonnull devices,                     \
     void *_Nullable notify, void *_Nullable user, int32_t *_Nonnull status))                                         \
  F(int32_t, ReleaseContext, (CLRef context))                                                                         \
  F(CLOptionalRef, CreateCommandQueue, (CLRef context, CLRef device, uint64_t properties, int32_t *_Nonnull status))  \
  F(int32_t, ReleaseCommandQueue, (CLRef queue))                                                                      \
  F(CLOptionalRef, CreateBuffer,                                                                                      \
    (CLRef context, uint64_t flags, size_t size, void *_Nullable host, int32_t *_Nonnull status))                     \
  F(int32_t, ReleaseMemObject, (CLRef memory))                                                                        \
  F(CLOptionalRef, CreateProgramWithSource,                                                                           \
    (CLRef context, uint32_t count, const char *_Nullable *_Nonnull texts, const size_t *_Nullable lengths,           \
     int32_t *_Nonnull status))                                                                                       \
  F(CLOptionalRef, CreateProgramWithBinary,                                                                           \
    (CLRef context, uint32_t count, const CLOptionalRef *_Nonnull devices, const size_t *_Nonnull lengths,            \
     const uint8_t *_Nullable *_Nonnull binaries, int32_t *_Nullable binaryStatus, int32_t *_Nonnull status))         \
  F(int32_t, BuildProgram,                                                                                            \
    (CLRef program, uint32_t count, const CLOptionalRef *_Nullable devices, const char *_Nullable options,            \
     void *_Nullable notify, void *_Nullable user))                                                                   \
  F(int32_t, GetProgramBuildInfo,                                                                                     \
    (CLRef program, CLRef device, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))         \
  F(int32_t, GetProgramInfo,                                                                                          \
    (CLRef program, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))                       \
  F(int32_t, ReleaseProgram, (CLRef program))                                                                         \
  F(CLOptionalRef, CreateKernel, (CLRef program, const char *_Nonnull name, int32_t *_Nonnull status))                \
  F(int32_t, ReleaseKernel, (CLRef kernel))                                                                           \
  F(int32_t, SetKernelArg, (CLRef kernel, uint32_t index, size_t size, const void *_Nullable value))                  \
  F(int32_t, GetKernelWorkGroupInfo,                                                                                  \
    (CLRef kernel, CLRef device, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))          \
  F(int32_t, EnqueueNDRangeKernel,                                                                                    \
    (CLRef queue, CLRef kernel, uint32_t dimensions, const size_t *_Nullable offset, const size_t *_Nonnull global,   \
     const size_t *_Nullable local, uint32_t waitCount, const CLOptionalRef *_Nullable waits,                         \
     CLOptionalRef *_Nullable event))                                                                                 \
  F(int32_t, EnqueueReadBuffer,                                                                                       \
    (CLRef queue, CLRef memory, uint32_t blocking, size_t offset, size_t size, void *_Nonnull target,                 \
     uint32_t waitCount, const CLOptionalRef *_Nullable waits, CLOptionalRef *_Nullable event))                       \
  F(int32_t, EnqueueWriteBuffer,                                                                                      \
    (CLRef queue, CLRef memory, uint32_t blocking, size_t offset, size_t size, const void *_Nonnull source,           \
     uint32_t waitCount, const CLOptionalRef *_Nullable waits, CLOptionalRef *_Nullable event))                       \
  F(int32_t, EnqueueCopyBuffer,                                                                                       \
    (CLRef queue, CLRef from, CLRef to, size_t fromOffset, size_t toOffset, size_t size, uint32_t waitCount,          \
     const CLOptionalRef *_Nullable waits, CLOptionalRef *_Nullable event))                                           \
  F(int32_t, Flush, (CLRef queue))                                                                                    \
  F(int32_t, Finish, (CLRef queue))                                                                                   \
  F(int32_t, WaitForEvents, (uint32_t count, const CLOptionalRef *_Nonnull events))                                   \
  F(int32_t, GetEventProfilingInfo,                                                                                   \
    (CLRef event, uint32_t name, size_t room, void *_Nullable value, size_t *_Nullable size))                         \
  F(int32_t, ReleaseEvent, (CLRef event))

#pragma clang assume_nonnull begin
typedef struct {
#define KILN_CL_FIELD(result, name, parameters) result (*_Nonnull name) parameters;
  KILN_CL_FUNCTIONS(KILN_CL_FIELD)
#undef KILN_CL_FIELD
} KilnOpenCLTable;

/// Opens the library at `path` (a file or a soname) without making its symbols visible to others, and fills `table`.
/// Returns NULL when all went well; otherwise the reason, valid until this thread's next dlopen or dlsym. The library
/// is never closed.
const char *_Nullable kiln_opencl_load(const char *path, KilnOpenCLTable *table,
                                       const char *_Nullable *_Nonnull missingSymbol);
#pragma clang assume_nonnull end

#endif
