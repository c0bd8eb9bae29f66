"""Source tables: Parquet, Delta tables, text tables, JSON and XML, local or remote.

Inputs: a path or URL. Outputs: Arrow record batches of bounded size with the number of their first row. What the
columns mean is decided elsewhere; here a value keeps the type that its file gave it, and no row is dropped or invented.
"""

from infra.sources.source import BATCH_ROWS, Source, open_source

__all__ = ["BATCH_ROWS", "Source", "open_source"]
