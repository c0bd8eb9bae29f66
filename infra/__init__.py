"""Places: the outside world, in keys, bytes, text and pixels. Nothing here knows what a SKU is.

Read `infra.interfaces` first: it is the seam between what Packshot decides and what it touches.
"""
