"""Photos of a run: where they may lie, and the resolver that reads them.

Inputs: a job, the settings, the store. Outputs: a `StorePhotoResolver`, which saves its index however the block ends.
Nothing is read, listed or opened before a row names a photo.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from catalogs.runs.job import RefreshJob
from flows.wiring.cutter_versions import CutterVersions
from flows.wiring.photo_columns import photo_wish
from infra.interfaces import ObjectStore
from infra.photos.catalogue_folder import catalogue_folder
from infra.photos.https_client import PhotoClient
from infra.photos.photo_files import PhotoReader
from infra.photos.photo_references import AllowedPlaces
from infra.settings import Settings
from tasks.photos.resolving import PhotoReading, StorePhotoResolver
from tasks.photos.stored_photo_index import forget_photos


def allowed_places(source: str, store: ObjectStore, settings: Settings) -> AllowedPlaces:
    """Return where the photos of a catalogue may lie: in its own folder, and where the settings allow."""
    own = catalogue_folder(source)
    folders = (*([own] if own else []), *settings.allowed_photo_folders)
    return AllowedPlaces(store.url, folders, settings.allowed_photo_hosts)


@contextmanager
def open_photo_resolver(
    job: RefreshJob,
    store: ObjectStore,
    settings: Settings,
    *,
    writes: bool = True,
    on_read: Callable[[int], None] = lambda _: None,
) -> Iterator[StorePhotoResolver | None]:
    """Open the resolver of a job's photos, None where its recipe leaves photos alone; without `writes`, a dry run's.

    What was read is saved also where planning fails. A full run that was planned to its end forgets the photos that
    its catalogue no longer names.
    """
    wish, is_complete = photo_wish(job.recipe), writes and job.scope == "full"
    if wish is None:
        yield None
        if is_complete:
            forget_photos(store, job.catalogue)
        return
    allowed = allowed_places(job.source, store, settings)
    reader = PhotoReader(PhotoClient(allowed.hosts) if allowed.hosts else None)
    recheck = timedelta(days=settings.photo_recheck_days)
    reading = PhotoReading(allowed, recheck, wish.separator, writes, reader, on_read=on_read)
    cutters = CutterVersions(wish.cutters, settings)
    resolver = StorePhotoResolver(store, job.catalogue, reading, cutters)
    try:
        yield resolver
    except Exception:
        resolver.finish(complete=False)
        raise
    resolver.finish(complete=is_complete)
