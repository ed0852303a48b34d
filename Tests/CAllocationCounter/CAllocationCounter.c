#include "CAllocationCounter.h"
#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define KILN_SANITIZED 1
#endif
#endif

#if defined(KILN_SANITIZED) || !defined(__GLIBC__)

long kiln_test_allocation_count(void) { return -1; }
long kiln_test_live_allocation_count(void) { return -1; }

#else

/* The definitions in the executable come before those of the C library, which offers its own under other names. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread long count;
static __thread long live;

static void *counted(void *block) {
  count += 1;
  live += block != NULL;
  return block;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t items, size_t size) { return counted(__libc_calloc(items, size)); }

void *realloc(void *block, size_t size) {
  if (!block) return malloc(size);
  count += 1;
  void *moved = __libc_realloc(block, size);
  live -= !moved && size == 0;
  return moved;
}

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  void *made = memalign(alignment, size);
  if (!made) return ENOMEM;
  *block = made;
  return 0;
}

void free(void *block) {
  if (!block) return;
  live -= 1;
  __libc_free(block);
}

long kiln_test_allocation_count(void) { return count; }
long kiln_test_live_allocation_count(void) { return live; }

#endif
