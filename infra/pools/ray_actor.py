"""Ray actor on a GPU's node: a process with warm engines that runs the work sent to it.

Inputs: an opener and work, as bytes that this process unpickles. Outputs: an `ActorReply` in every case: a failure to
load, open, run or send back is a reply, so the only other event of an actor is its death.
"""

import pickle
import threading
import traceback
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Engine

ReplyKind = Literal["ready", "answer", "raised", "unopened", "lost"]


@dataclass(frozen=True)
class ActorReply:
    """The outcome of a call: a result or an error, pickled; the process, and its engine's busy seconds so far.

    `raised` is the work's own error, `unopened` one that every engine would raise, `lost` the death of this engine.
    """

    kind: ReplyKind
    content: bytes
    process: str
    busy_seconds: float = 0.0


class EngineActor:
    """Engines of one process, each opened at its first use. Called from several threads."""

    def __init__(self) -> None:
        self._engines: dict[bytes, Engine] = {}
        self._opening = threading.Lock()
        self._process = uuid4().hex

    def open(self, opener: bytes) -> ActorReply:
        """Open an engine before its first work."""
        try:
            self._engine(opener)
        except Exception as error:
            return self._reply("unopened", error)
        return self._reply("ready", None)

    def run(self, opener: bytes, payload: bytes) -> ActorReply:
        """Run work beside an engine."""
        try:
            engine = self._engine(opener)
        except Exception as error:
            return self._reply("unopened", error)
        try:
            work, shard = pickle.loads(payload)  # noqa: S301 - from our own pool
            result = work(engine, shard)
            return self._reply("answer", result, engine)
        except EngineUnsuitable as error:
            return self._reply("unopened", error, engine)
        except EngineError as error:
            return self._reply("lost", error, engine)
        except BaseException as error:  # the future carries every exception of its work
            return self._reply("raised", error, engine)

    def _engine(self, opener: bytes) -> Engine:
        with self._opening:
            if opener not in self._engines:
                self._engines[opener] = pickle.loads(opener)()  # noqa: S301 - from our own pool
            return self._engines[opener]

    def _reply(self, kind: ReplyKind, value: Any, engine: Engine | None = None) -> ActorReply:
        busy = 0.0 if engine is None else engine.busy_seconds()
        return ActorReply(kind, _pickled(value), self._process, busy)


def _pickled(value: Any) -> bytes:
    """Pickle a result or an error that can be unpickled; replace an error that cannot be by its message."""
    try:
        content = pickle.dumps(value)
        if isinstance(value, BaseException):
            pickle.loads(content)  # noqa: S301 - pickled one line above
        return content
    except Exception:
        if not isinstance(value, BaseException):
            raise
        return pickle.dumps(RuntimeError(traceback.format_exception_only(value)[-1].strip()))
