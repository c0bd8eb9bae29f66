"""The world is wrong: a store, a table, a GPU or a server did not do what it was asked.

    WorldError
    ├── StoreError            the object store refused or is gone
    │   └── ObjectMissing     there is no object under that key
    ├── TableError            a Delta table could not be read or committed
    │   └── LostRace          somebody committed first; read again and retry
    ├── LeaseHeld             another run holds what this one needs
    ├── LeaseLost             this run's lease was taken over while it worked
    └── EngineError           the engine could not be opened or died
        └── EngineUnsuitable  this machine cannot do what the recipe asks (precision, memory)

Every class takes one finished sentence, so that it survives pickling between processes.
"""


class WorldError(Exception):
    """The outside world failed; the command ends with exit code 3."""


class StoreError(WorldError):
    """The object store refused, or cannot be reached."""


class ObjectMissing(StoreError):
    """There is no object under that key."""


class TableError(WorldError):
    """A table could not be read or committed."""


class LostRace(TableError):
    """Another writer committed first: read again, compare again, try again."""


class LeaseHeld(WorldError):
    """Another run holds the lease."""


class LeaseLost(WorldError):
    """The lease was taken over while this run worked; what it staged is kept."""


class EngineError(WorldError):
    """The engine could not be opened, or died."""


class EngineUnsuitable(EngineError):
    """This machine cannot run what the recipe asks for; nothing was changed to make it fit."""
