"""Open a store for a command: its objects and its tables, of a layout that this Packshot knows.

Inputs: a store's URL. Outputs: the open pair. Reading refuses a store of a newer Packshot; writing probes conditional
writes too, and brings an older store to today's layout before anything else is written. A refresh makes its store; what
looks at one, or changes one, refuses an address where there is none, since it was mistyped.
"""

from pathlib import Path

from catalogs.errors import OptionError
from infra.errors import InvalidStoreAddress
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.addresses import parse_address
from infra.stores.conditional_writes import require_conditional_writes
from infra.tables import open_tables
from tasks.maintenance.upgrade import Upgrade, read_layout, upgrade
from tasks.runs.release_history import list_known_catalogues


def open_for_reading(url: str) -> tuple[ObjectStore, TableStore]:
    """Open a store whose content is read only.

    Raises `OptionError` for a store of a newer Packshot, and `InvalidStoreAddress` for a file in its place.
    """
    _require_folder(url)
    return open_before_run(url)


def open_before_run(url: str) -> tuple[ObjectStore, TableStore]:
    """Open a store that a run will make or write, as `open_for_reading` does; its place is the run's affair."""
    store = open_store(url)
    read_layout(store)
    return store, open_tables(url)


def open_existing(url: str) -> tuple[ObjectStore, TableStore]:
    """Open a store whose content is read only, as `open_for_reading` does; `OptionError` where there is none."""
    store, tables = open_for_reading(url)
    require_store(store)
    return store, tables


def require_store(store: ObjectStore) -> None:
    """Raise `OptionError` for an address where Packshot has written nothing yet."""
    if read_layout(store) is None and not list_known_catalogues(store):
        raise OptionError(
            f"--store: there is no store at {store.url}: it is not there, or Packshot has written nothing to it."
            " Correct the address, or begin with `packshot refresh`"
        )


def open_for_writing(url: str, settings: Settings, *, create: bool = False) -> tuple[ObjectStore, TableStore]:
    """Open a store that will be written, upgraded where it is older; with `create`, made where there is none.

    Raises `OptionError` for a store of a newer Packshot, and `StoreError` for one without conditional writes.
    """
    if not create:
        _require_folder(url)
    store, tables = open_store(url), open_tables(url)
    if not create:
        require_store(store)
    prepare_for_writing(store, tables, settings)
    return store, tables


def prepare_for_writing(store: ObjectStore, tables: TableStore, settings: Settings) -> Upgrade:
    """Probe an open store's conditional writes, and upgrade it where it is older. Raises as `open_for_writing` does."""
    require_conditional_writes(store, single_writer=settings.single_writer)
    return upgrade(store, tables)


def _require_folder(store: str) -> None:
    """Raise `InvalidStoreAddress` for a store on disk whose place a file has."""
    address = parse_address(store)
    if address.scheme != "file":
        return
    folder = Path(address.location)
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if existing is not None and not existing.is_dir():
        raise InvalidStoreAddress(f"The store {store!r} cannot be a folder: {str(existing)!r} is a file. Give another.")
