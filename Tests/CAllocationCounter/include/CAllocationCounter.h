#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

/// Calls of malloc, calloc and realloc by this thread so far. -1 where a sanitizer owns the allocator.
long kiln_test_allocation_count(void);

#endif
