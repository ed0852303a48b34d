// What Swift cannot say: the pause instruction, prefetching, the variadic futex call, the floating-point control
// register, and what glibc shows to GNU sources only.
#ifndef KILN_CRUNTIME_H
#define KILN_CRUNTIME_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Tells the core that this is a spin loop.
static inline void kiln_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Asks for `byteCount` bytes, line by line, to come to the second cache. Any address will do.
static inline void kiln_prefetch(const void *_Nonnull start, long byteCount) {
  for (long offset = 0; offset < byteCount; offset += 64)
    __builtin_prefetch((const char *)start + offset, 0, 2);
}

/// Sleeps while `*word == expected`. Wakes up for `kiln_futex_wake`, and sometimes for nothing.
static inline void kiln_futex_wait(const void *_Nonnull word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

/// Wakes at most `count` threads that sleep on `word`.
static inline void kiln_futex_wake(const void *_Nonnull word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/// The floating-point control register of the calling thread (MXCSR, FPCR).
static inline uint64_t kiln_fp_mode(void) {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr();
#else
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#endif
}

/// Sets the floating-point control register of the calling thread.
static inline void kiln_set_fp_mode(uint64_t mode) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr((unsigned)mode);
#else
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#endif
}

/// Makes code that was just written visible to the instruction fetch.
static inline void kiln_clear_instruction_cache(void *_Nonnull start, long byteCount) {
  __builtin___clear_cache((char *)start, (char *)start + byteCount);
}

/// The cores that this process may use, at least 1.
int kiln_core_count(void);

/// Returns unused memory of the heap to the system.
void kiln_trim_heap(void);

/// The word that Kiln has for itself in each thread (`ThreadState`); NULL at first.
extern _Thread_local void *_Nullable kiln_thread_word;

static inline void *_Nullable kiln_thread_state(void) { return kiln_thread_word; }
static inline void kiln_set_thread_state(void *_Nullable state) { kiln_thread_word = state; }

/// Names the calling thread for debuggers and profilers (at most 15 characters).
void kiln_name_thread(const char *_Nonnull name);

#endif
