"""What makes a simulation replay: random bytes of a seed, the light audit, no HTML, and a fixed hash of texts.

Inputs: a seed. Outputs: a context in which two simulations of that seed are the same to the operation. It changes this
whole process, so simulations run in a process of their own (`python -m tests.simulation`, which sets PYTHONHASHSEED).
"""

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tasks.pipeline.audit
import tasks.reporting.audit_report
import tasks.reporting.run_report

from .light_audit import light_suite, validate_maxima

FIXED_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}
"""Sets of text are walked in the same order, and small searches wait for no other thread."""


@contextmanager
def replayable(seed: int) -> Iterator[None]:
    """Draw tokens and ids from the seed, audit by totals alone, and render no page, until the block ends."""
    logging.disable(logging.ERROR)
    bytes_of_seed = random.Random(f"tokens {seed}").randbytes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", bytes_of_seed)  # uuid4
        patch.setattr(random, "_urandom", bytes_of_seed)  # secrets
        patch.setattr(tasks.pipeline.audit, "built_in_audit_suite", light_suite)
        patch.setattr(tasks.pipeline.audit, "validate", validate_maxima)
        for module in (tasks.reporting.audit_report, tasks.reporting.run_report):
            patch.setattr(module, "render_page", lambda *_, **__: "")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
