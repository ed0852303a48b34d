#define _GNU_SOURCE
#include "CRuntime.h"
#include <malloc.h>
#include <pthread.h>
#include <sched.h>

_Thread_local void *kiln_thread_word;

int kiln_core_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

void kiln_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void kiln_trim_heap(void) { malloc_trim(0); }
