"""Rows that are all there before the first of them is used.

Comes in: a stream of batches that may break. Goes out: the same batches from a temporary file, in bounded memory: what
was begun again has then not been half used already.
"""

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO

import pyarrow as pa


def spill(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> IO[bytes]:
    """Write the batches to a file without a name, and return it at its beginning."""
    file = TemporaryFile(prefix="packshot-")  # noqa: SIM115 - `read_spilled` ends it
    try:
        with pa.ipc.new_stream(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            for batch in batches:
                writer.write_batch(batch)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def read_spilled(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """Yield what `spill` wrote, and end the file."""
    with file, pa.ipc.open_stream(file) as reader:
        yield from reader
