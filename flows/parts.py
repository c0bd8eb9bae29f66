"""The old name of `flows.refresh_part`, for deployments that servers hold from before the move.

To be removed in the release after the next.
"""

from flows.refresh_part import refresh_part

__all__ = ["refresh_part"]
