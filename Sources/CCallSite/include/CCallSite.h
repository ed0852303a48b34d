#pragma once
#include <stdint.h>

// The return addresses of the calling functions, innermost first, by following frame pointers. Every address read lies
// within the thread's stack, so code that keeps no frame pointers gives a short or wrong list, never a fault.
// Gives the number of addresses written.
int kiln_return_addresses(uintptr_t *addresses, int count);

// A number that tells the threads that live now apart.
uintptr_t kiln_thread_number(void);

// Writes what standard output still holds.
void kiln_flush_output(void);
