"""Spill record batches to a temporary file before the first one is used.

Inputs: a stream of batches that may break. Outputs: the same batches from a temporary file, in bounded memory. A scan
that is repeated after an error then never yields a row twice.
"""

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO

import pyarrow as pa


def spill(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> IO[bytes]:
    """Write the batches to an unnamed file, and return it at its beginning."""
    file = TemporaryFile(prefix="packshot-")  # noqa: SIM115 - `read_spilled` closes it
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
    """Yield the batches that `spill` wrote, and close the file."""
    with file, pa.ipc.open_stream(file) as reader:
        yield from reader
