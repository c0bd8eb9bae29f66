"""Which of the pictures that pass are looked at by people all the same: how a shop finds out what its gates miss.

Comes in: image keys, a share. Goes out: the same choice every time, for every machine and in every order; a larger
share only adds pictures.
"""

from catalogs.keys import hash_fraction


def is_review_sample(image_key: bytes, share: float) -> bool:
    """Tell whether the picture is in the sample."""
    return hash_fraction(image_key.hex(), "review sample") < share
