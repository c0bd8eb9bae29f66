"""Boundary between our code and Prefect: what an exception says there ends in logs, states and a server's database.

Inputs: work of a flow or task. Outputs: its result, or an error of ours with one sentence: visible, bounded, without
credentials. An unexpected error keeps its traceback in a file of this host, and the sentence names it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import PrefectException

from catalogs.errors import InputError
from infra.error_files import record_unexpected_error
from infra.errors import ExternalError, error_sentence


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """Let only errors of one sentence out of the block; Prefect's own exceptions steer it and pass as they are."""
    try:
        yield
    except (InputError, ExternalError) as error:
        error.args = (error_sentence(error),)
        raise
    except (PrefectException, httpx.HTTPError):
        raise
    except Exception as error:
        raise record_unexpected_error(error) from None
