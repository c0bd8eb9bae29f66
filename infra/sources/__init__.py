"""Tables to read, wherever and in whatever usual form they lie: Parquet, CSV and JSON lines, local or remote.

Comes in: a path or URL. Goes out: Arrow record batches of bounded size with the number of their first row. What the
columns mean is decided elsewhere; here a value keeps the type that its file gave it, and no row is dropped or invented.
"""

from infra.sources.source import BATCH_ROWS, Source, open_source

__all__ = ["BATCH_ROWS", "Source", "open_source"]
