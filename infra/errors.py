"""The world is wrong: a store, a table, a GPU or a server did not do what it was asked.

    ExternalError
    ├── InvalidStoreAddress    a store's URL cannot be used as it is written
    ├── UnreadableSource       a table to read (Parquet, CSV, JSON lines) is missing, damaged or of another kind
    ├── StoreError             the object store refused or is gone
    │   ├── ObjectMissing      there is no object under that key
    │   └── StagedImageLost    a picture that was judged is gone or another one; it must be made anew
    ├── TableError             a Delta table could not be read or committed
    │   └── CommitConflict     somebody committed first; read again and retry
    ├── InvalidImage           bytes that should be an image are not, or an array is no picture
    ├── ProvenanceConfigError  a certificate, key or watermark cannot be used as it is set
    ├── ProvenanceMarkError    a mark could not be put into a picture, or is not in it
    ├── ScannerMissing         a scanner's package, model or library is not there
    ├── LeaseHeld              another run holds what this one needs
    ├── LeaseLost              this run's lease was taken over while it worked
    └── EngineError            the engine could not be opened or died
        ├── EngineUnsuitable   this machine cannot do what the recipe asks (precision, memory)
        └── WorkQuarantined    engines died with this work again and again; other work goes on

Every class takes one finished sentence, so that it survives pickling between processes.
"""


class ExternalError(Exception):
    """The outside world failed; the command ends with exit code 3."""


class InvalidStoreAddress(ExternalError):
    """A store's URL cannot be used as it is written; the caller may turn this into an input error."""


class UnreadableSource(ExternalError):
    """A table to read is missing, damaged or of another kind; the command ends with exit code 2, as for any input."""


class StoreError(ExternalError):
    """The object store refused, or cannot be reached."""


class ObjectMissing(StoreError):
    """There is no object under that key."""


class StagedImageLost(StoreError):
    """A staged picture is gone, or not the one that was judged; a new run makes it anew."""


class TableError(ExternalError):
    """A table could not be read or committed."""


class CommitConflict(TableError):
    """Another writer committed first: read again, compare again, try again."""


class InvalidImage(ExternalError):
    """The bytes are no whole PNG or JPEG, or the array is no RGB picture."""


class ProvenanceConfigError(ExternalError):
    """A certificate, key or watermark cannot be used as it is set; the command ends with exit code 2, as for input."""


class ProvenanceMarkError(ExternalError):
    """A mark could not be put into a picture, or is not in what was published."""


class ScannerMissing(ExternalError):
    """A scanner cannot be opened here: its package, its model or its library is missing; what it should say is not."""


class LeaseHeld(ExternalError):
    """Another run holds the lease."""


class LeaseLost(ExternalError):
    """The lease was taken over while this run worked; what it staged is kept."""


class EngineError(ExternalError):
    """The engine could not be opened, or died."""


class EngineUnsuitable(EngineError):
    """This machine cannot run what the recipe asks for; nothing was changed to make it fit."""


class WorkQuarantined(EngineError):
    """Engine after engine died with this work in hand; it is not tried again, and nothing else is harmed."""
