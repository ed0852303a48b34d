#include "CAllocationCounter.h"
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define KILN_SANITIZED 1
#endif
#endif

#if defined(KILN_SANITIZED) || !defined(__GLIBC__)

long kiln_test_allocation_count(void) { return -1; }

#else

/* The definitions in the executable come before those of the C library, which offers its own under other names. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static __thread long count;

void *malloc(size_t size) {
  count += 1;
  return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
  count += 1;
  return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
  count += 1;
  return __libc_realloc(block, size);
}

long kiln_test_allocation_count(void) { return count; }

#endif
