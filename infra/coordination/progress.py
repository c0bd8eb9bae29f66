"""Progress: a sign of life of work that may hang.

Inputs: none. Outputs: a call for each step. Who watches the work sets what is called.
"""

from collections.abc import Callable
from contextvars import ContextVar

ON_PROGRESS: ContextVar[Callable[[], object]] = ContextVar("ON_PROGRESS", default=lambda: None)
"""Called before each step that takes seconds at most, so that a process that hangs is told from one that works."""
