#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

/// Calls of malloc, calloc, realloc and their aligned kin by this thread so far. -1 where a sanitizer owns the
/// allocator.
long kiln_test_allocation_count(void);

/// Blocks of memory that this thread got less those that it gave back. -1 where a sanitizer owns the allocator.
long kiln_test_live_allocation_count(void);

#endif
