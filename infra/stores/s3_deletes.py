"""Deletion of many objects of a bucket: by one request, or one by one where the server takes no such request.

Inputs: a store's `call`, and the objects' names. Outputs: nothing, or the error of what was not deleted.
Google Cloud Storage, for one, took no batches for years, and some servers want a header (Content-MD5) that today's
clients no longer send. Missing objects are fine.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from infra.stores.s3_client import MAX_CONNECTIONS
from infra.stores.s3_errors import PartialDeleteError, error_code

BATCH_SIZE = 1000
"""The most that S3's DeleteObjects takes."""

_NO_BATCH_CODES = {"NotImplemented", "501", "MethodNotAllowed", "405", "MissingContentMD5"}

Call = Callable[..., dict[str, Any]]


def delete_objects(request: Call, retrying: Call, names: Sequence[str]) -> None:
    """Delete objects by one `request`; where the server takes no batches, each by one `retrying` request.

    Raises `PartialDeleteError` where the server deleted only some of them.
    """
    try:
        answer = request("delete_objects", Delete={"Objects": [{"Key": name} for name in names], "Quiet": True})
    except OSError as error:
        if not _refuses_batches(error):
            raise
        with ThreadPoolExecutor(MAX_CONNECTIONS, "deletions") as threads:
            for done in [threads.submit(partial(retrying, "delete_object", Key=name)) for name in names]:
                done.result()
        return
    if failed := answer.get("Errors"):
        raise PartialDeleteError(failed)


def _refuses_batches(error: OSError) -> bool:
    code = error_code(error)
    return code in _NO_BATCH_CODES or (code == "InvalidRequest" and "md5" in str(error).lower())
