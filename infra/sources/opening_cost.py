"""Opening cost: whether opening a source reads little of it.

Inputs: a source's address and options. Outputs: yes or no. A table's header, footer or log says what its columns are;
a JSON or XML document only its end, and an http source is there only when it was downloaded whole.
"""

import os

from infra.source_address import HTTP_SCHEMES, parse_source_scheme
from infra.sources.delta_tables import is_delta_table
from infra.sources.source_files import list_source_files
from infra.sources.source_options import SourceOptions

MAX_BYTES = 64 << 20
"""Bytes of JSON that are parsed in about a second."""
MAX_FILES = 64
"""Files whose headers are read in about a second from a bucket."""
_WHOLE = {".csv", ".tsv", ".txt"}
"""Text, of which all is looked at for its encoding: at once on a disk, and not in a bucket."""
_HEADED = {".csv", ".tsv", ".txt", ".parquet", ".pq"}


def opens_quickly(path: str, options: SourceOptions) -> bool:
    """Tell whether opening the source reads little. Raises `UnreadableSource` where there is none."""
    if parse_source_scheme(path) in HTTP_SCHEMES:
        return False
    if options.format == "delta" or is_delta_table(path):
        return True
    files = list_source_files(path).files
    headed = _HEADED if parse_source_scheme(path) in {"", "file"} else _HEADED - _WHOLE
    unheaded = [file for file in files if os.path.splitext(file.content_name)[1].lower() not in headed]  # noqa: PTH122 - a URL's path
    return len(files) <= MAX_FILES and sum(file.size for file in unheaded) <= MAX_BYTES
