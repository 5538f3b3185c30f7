/* wasi-libc has the function and no header for it. */
#pragma once
#include <stddef.h>
size_t malloc_usable_size(void *);
