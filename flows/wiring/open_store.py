"""Open a store for a command: its objects and its tables, of a layout that this Packshot knows.

Inputs: a store's URL. Outputs: the open pair. Reading refuses a store of a newer Packshot; writing probes conditional
writes too, and brings an older store to today's layout before anything else is written.
"""

from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.conditional_writes import require_conditional_writes
from infra.tables import open_tables
from tasks.maintenance.upgrade import Upgrade, read_layout, upgrade


def open_for_reading(url: str) -> tuple[ObjectStore, TableStore]:
    """Open a store whose content is read only. Raises `OptionError` for a store of a newer Packshot."""
    store = open_store(url)
    read_layout(store)
    return store, open_tables(url)


def open_for_writing(url: str, settings: Settings) -> tuple[ObjectStore, TableStore]:
    """Open a store that will be written, upgraded where it is older.

    Raises `OptionError` for a store of a newer Packshot, and `StoreError` for one without conditional writes.
    """
    store, tables = open_store(url), open_tables(url)
    prepare_for_writing(store, tables, settings)
    return store, tables


def prepare_for_writing(store: ObjectStore, tables: TableStore, settings: Settings) -> Upgrade:
    """Probe an open store's conditional writes, and upgrade it where it is older. Raises as `open_for_writing` does."""
    require_conditional_writes(store, single_writer=settings.single_writer)
    return upgrade(store, tables)
