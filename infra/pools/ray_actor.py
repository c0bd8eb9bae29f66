"""What runs on a GPU's node: a process with the engines it was asked for, warm, and the work that is sent to it.

Comes in: an opener and work, as bytes that this process loads for itself. Goes out: a `ActorReply`, whatever happens:
what cannot be loaded, opened, done or sent back is said in it, so that the only other news of an actor is its death.
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
    """What became of a call: an answer or an error, pickled; by which process, and its engine's busy seconds so far.

    `raised` is the work's own error, `unopened` one that any engine would raise, `lost` the death of this engine.
    """

    kind: ReplyKind
    content: bytes
    process: str
    busy_seconds: float = 0.0


class EngineActor:
    """Engines of one process, each opened when it is first asked for. Called from several threads."""

    def __init__(self) -> None:
        self._engines: dict[bytes, Engine] = {}
        self._opening = threading.Lock()
        self._process = uuid4().hex

    def open(self, opener: bytes) -> ActorReply:
        """Open an engine ahead of its first work."""
        try:
            self._engine(opener)
        except Exception as error:
            return self._reply("unopened", error)
        return self._reply("ready", None)

    def run(self, opener: bytes, payload: bytes) -> ActorReply:
        """Do work beside an engine."""
        try:
            engine = self._engine(opener)
        except Exception as error:
            return self._reply("unopened", error)
        try:
            work, shard = pickle.loads(payload)  # noqa: S301 - our own pool's words
            answer = work(engine, shard)
            return self._reply("answer", answer, engine)
        except EngineUnsuitable as error:
            return self._reply("unopened", error, engine)
        except EngineError as error:
            return self._reply("lost", error, engine)
        except BaseException as error:  # the future carries whatever its work raised
            return self._reply("raised", error, engine)

    def _engine(self, opener: bytes) -> Engine:
        with self._opening:
            if opener not in self._engines:
                self._engines[opener] = pickle.loads(opener)()  # noqa: S301 - our own pool's words
            return self._engines[opener]

    def _reply(self, kind: ReplyKind, value: Any, engine: Engine | None = None) -> ActorReply:
        busy = 0.0 if engine is None else engine.busy_seconds()
        return ActorReply(kind, _pickled(value), self._process, busy)


def _pickled(value: Any) -> bytes:
    """Pickle an answer or an error so that it can be read again; an error that cannot be is told in its own words."""
    try:
        content = pickle.dumps(value)
        if isinstance(value, BaseException):
            pickle.loads(content)  # noqa: S301 - written a line above
        return content
    except Exception:
        if not isinstance(value, BaseException):
            raise
        return pickle.dumps(RuntimeError(traceback.format_exception_only(value)[-1].strip()))
