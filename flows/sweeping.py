"""The old name of `flows.sweep`, for deployments that servers hold from before the move.

To be removed in the release after the next.
"""

from flows.sweep import sweep

__all__ = ["sweep"]
