#define _GNU_SOURCE
#include "CCallSite.h"
#include <pthread.h>
#include <stdio.h>

static __thread uintptr_t stack_top;

// The end of the stack, asked for once per thread (for the main thread the C library reads a file of /proc).
static uintptr_t find_stack_top(void) {
#ifdef __linux__
  pthread_attr_t attributes;
  void *base = 0;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 1;
  pthread_attr_getstack(&attributes, &base, &size);
  pthread_attr_destroy(&attributes);
  return (uintptr_t)base + size;
#else
  return (uintptr_t)pthread_get_stackaddr_np(pthread_self());
#endif
}

int kiln_return_addresses(uintptr_t *addresses, int count) {
  if (stack_top == 0) stack_top = find_stack_top();
  uintptr_t *frame = (uintptr_t *)__builtin_frame_address(0);
  int written = 0;
  while (written < count) {
    uintptr_t address = frame[1];
    if (address == 0) break;
    addresses[written++] = address;
    uintptr_t next = frame[0];
    if (next <= (uintptr_t)frame || next + 2 * sizeof(uintptr_t) > stack_top || next % sizeof(uintptr_t) != 0) break;
    frame = (uintptr_t *)next;
  }
  return written;
}

uintptr_t kiln_thread_number(void) { return (uintptr_t)&stack_top; }

void kiln_flush_output(void) { fflush(stdout); }
