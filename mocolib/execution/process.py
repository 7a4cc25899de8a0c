"""Two settings of a process that a step on a processor is glad of.

Neither changes a number. They are for processes of our own, the command line, a sweep's
workers and the book's kernels; a reader's process stays as it is.
"""

import ctypes
import functools

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h
MADV_HUGEPAGE = 14  # mman.h
RESERVED = 2**30  # bytes of address space; only what is used takes memory
HUGE = 2**21

# For the environment of a process that has not loaded torch yet: OpenMP threads that
# wait for each other sleep soon. By default they spin thirty times longer: no faster on
# idle cores, and on busy ones a step of a tiny model can take seconds.
SLEEPS_SOON = {"GOMP_SPINCOUNT": "10000"}


@functools.cache
def tune_malloc():
    """Keep freed memory for the next step, in huge pages.

    glibc returns large blocks to the system at once; to get them anew, page by page,
    cost a tenth of a step, and small pages another twentieth. Without glibc nothing
    happens.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.sbrk.restype = libc.malloc.restype = ctypes.c_void_p
        start = libc.sbrk(ctypes.c_ssize_t(0))
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, RESERVED)
        libc.free(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(HUGE))))  # grows the heap
        start += -start % HUGE
        size = libc.sbrk(ctypes.c_ssize_t(0)) - start
        if size > 0:
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_HUGEPAGE)
    except (OSError, AttributeError):  # no glibc here
        pass
