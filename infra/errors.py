"""Errors of the outside world: a store, a table, an engine or a server failed, or a configured address is unusable.

Inputs: one finished sentence for each error. Outputs: exception classes, `one_line` for a library's message,
and `error_sentence` for whatever leaves Packshot as an error.

    ExternalError                  exit code 3
    ├── InvalidStoreAddress        a store's URL cannot be used as it is written (exit code 2)
    ├── UnreadableSource           a table to read is missing, damaged or of an unknown format (exit code 2)
    ├── StoreError                 the object store refused an operation or cannot be reached
    │   ├── ObjectMissing          no object exists under the key
    │   ├── StoreRefusal           the vendor does not take such a request; the sentence says which setting helps
    │   ├── DocumentUnreadable     a stored document is damaged: no JSON, or no object of fields
    │   └── StagedImageLost        a staged image is gone or differs from the screened one; generate it again
    ├── TableError                 a Delta table could not be read or committed
    │   ├── CommitConflict         another writer committed first: read, compare and commit again
    │   └── TableUnavailable       the table's store did not answer; the operation may be repeated (transient)
    ├── InvalidImage               bytes are not a whole PNG or JPEG, or an array is not an RGB image
    ├── ProvenanceConfigError      a certificate, key or watermark cannot be used as configured (exit code 2)
    ├── IntegrityKeyError          an integrity key cannot be used as configured (exit code 2)
    ├── ProvenanceMarkError        a provenance mark could not be written into an image, or is missing from it
    ├── ScannerMissing             a scanner's package, model or library is not installed
    ├── CutterUnusable             a cutter's package, model or code is missing, or answers with no mask (exit code 2)
    ├── LeaseHeld                  another run holds the lease
    ├── LeaseLost                  this run's lease was taken over while it worked
    ├── UnexpectedError            a defect, or a failure that no module foresaw; its traceback is in a file
    └── EngineError                the engine could not be opened, or died
        ├── EngineUnsuitable       this machine lacks the precision or memory that the recipe needs
        └── WorkQuarantined        several engines died with this work; other work continues

Every class takes a single argument, a full sentence, so that it survives pickling between processes. `exit_code` is how
the command line ends: 2 where the caller can correct a file or a setting, 3 otherwise. `transient` tells `RetryPolicy`
that the same call may succeed a moment later. A `CommitConflict` is not transient: its rows must be compared again
first.

Outside this tree, with the reason:
- `flows` adds `PartFailed` and `ServerFailed`, which need Prefect's words; both are `ExternalError`s.
- `InvalidPhoto` (`infra.photos.invalid_photo`) is an `ExternalError` that carries a reason code beside its sentence.
- `KeptObjectMissing` (`tasks.maintenance.kept_objects`) is a finding of `verify --kept`, under its code.
- `_TooMany` (`tasks.photos.photo_listings`) never leaves its module, which asks for each photo by name then.
- `TooManyFields`, `PageTooLarge`, `ReadDenied` (`infra.sources.json_fields`, `infra.sources.parquet_pages`) and
  `MalformedThrift` (`infra.sources.thrift_compact`) become an `UnreadableSource`, which knows the file's name.
- `BrokenDocument` and `BrokenXml` (`infra.sources.nested`), `SeveralTypes` (`infra.sources.jsonl_files`) and `NotText`
  (`infra.sources.text_tables.text_encodings`) become an `UnreadableSource` likewise.
- `DownloadRefused` (`infra.sources.http_connections`) becomes an `UnreadableSource`, which knows the source's name.
- `OutputFailed` (`flows.cli.output_stream`) is an OSError of stdout, which ends the command line and nothing else.
- `PartialDeleteError` (`infra.stores.s3_errors`) is an OSError, as s3fs's own errors are; the store translates it.
- `OutOfDeviceMemory` (`infra.engines.backend`) is a signal to the engine's thread, which halves the batch.
- `UnsupportedShape` (`infra.engines.tensorrt.profiles`) and `PoisonedPrompt` (the stub) fail one prompt: the engine's
  thread turns every backend exception into a `Failure`, and an `EngineError` would mean that the engine died.
- `InjectedFault` (`infra.testing`) is a `StoreError` of the tests, and `ProcessKilled` a BaseException of theirs: what
  handles errors must not catch a death.
"""

from infra.redaction import redact
from infra.visible_text import printable

MAX_ONE_LINE_CHARACTERS = 300
"""How much of a library's message an error repeats: CSV errors quote the whole row, which may be a megabyte."""

MAX_SENTENCE_CHARACTERS = 2000
"""How long a whole error may be: a source's columns, a store's address and what to do have room in it."""


class ExternalError(Exception):
    """The outside world failed."""

    exit_code = 3
    transient = False


class InvalidStoreAddress(ExternalError):
    """A store's URL cannot be used as it is written; the caller can correct it."""

    exit_code = 2


class UnreadableSource(ExternalError):
    """A table to read is missing, damaged or of an unknown format; the caller can correct it."""

    exit_code = 2


class StoreError(ExternalError):
    """The object store refused an operation, or cannot be reached."""


class ObjectMissing(StoreError):
    """No object exists under the key."""


class StoreRefusal(StoreError):
    """The store's vendor does not take such a request; the sentence says which setting, key or region helps."""


class DocumentUnreadable(StoreError):
    """A stored document is damaged: it is no JSON, or no object of fields."""


class StagedImageLost(StoreError):
    """A staged image is gone, or differs from the one that was screened; a new run generates it again."""


class TableError(ExternalError):
    """A table could not be read or committed."""


class CommitConflict(TableError):
    """Another writer committed first: read again, compare again, commit again."""


class TableUnavailable(TableError):
    """The table's store gave up on an operation, which may be repeated."""

    transient = True


class InvalidImage(ExternalError):
    """The bytes are not a whole PNG or JPEG, or the array is not an RGB image."""


class ProvenanceConfigError(ExternalError):
    """A certificate, key or watermark cannot be used as it is configured; the caller can correct it."""

    exit_code = 2


class IntegrityKeyError(ExternalError):
    """An integrity key cannot be used as it is configured; the caller can correct it."""

    exit_code = 2


class ProvenanceMarkError(ExternalError):
    """A provenance mark could not be written into an image, or is missing from a published one."""


class ScannerMissing(ExternalError):
    """A scanner cannot be opened here, because its package, its model or its library is missing."""


class CutterUnusable(ExternalError):
    """A cutter cannot be opened or run here, or it answers with something that is no mask of the photo."""

    exit_code = 2


class LeaseHeld(ExternalError):
    """Another run holds the lease."""


class LeaseLost(ExternalError):
    """The lease was taken over while this run worked; staged images are kept."""


class UnexpectedError(ExternalError):
    """A defect, or a failure that no module foresaw; the sentence names the file that holds the traceback."""


class EngineError(ExternalError):
    """The engine could not be opened, or died."""


class EngineUnsuitable(EngineError):
    """This machine cannot run what the recipe needs; no parameter is changed to make it fit."""


class WorkQuarantined(EngineError):
    """Several engines died with this work; it is not tried again, and other work continues."""


def one_line(message: object, limit: int = MAX_ONE_LINE_CHARACTERS) -> str:
    """Return a message on one line, every character visible, without credentials, at most `limit` characters and " …".

    An exception without a message is named by its class.
    """
    start = str(message)[: 8 * limit]  # a library's message may quote a row of a megabyte
    text = redact(printable(" ".join(start.split()), 8 * limit))
    if not text and isinstance(message, BaseException):
        return type(message).__name__
    return text if len(text) <= limit else f"{text[:limit]} …"


def error_sentence(error: object) -> str:
    """Return an error's sentence as it leaves Packshot: to a terminal, a log, or the state of a flow run."""
    return one_line(error, MAX_SENTENCE_CHARACTERS)
