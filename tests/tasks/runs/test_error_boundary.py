"""What leaves a flow or a task as an error is one visible sentence without credentials."""

from pathlib import Path

import httpx
import pytest
from prefect.exceptions import PrefectException

from catalogs.errors import OptionError
from infra.errors import StoreError, UnexpectedError
from infra.testing.faulty_store import InjectedFault
from tasks.runs.error_boundary import one_sentence_errors

HOSTILE = "bad\n\x1b[2J https://ada:hunter22@host/x?sig=12345678"
SAFE = "bad \\x1b[2J https://…@host/x?…"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("kind", [OptionError, StoreError, InjectedFault])
def test_s6_our_own_errors_keep_their_class_and_lose_what_acts(kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, one_sentence_errors():
        raise kind(HOSTILE)
    assert (type(caught.value), str(caught.value)) == (kind, SAFE)


def test_an_unexpected_error_names_the_file_of_its_traceback(state: Path) -> None:
    with pytest.raises(UnexpectedError) as caught, one_sentence_errors(), one_sentence_errors():
        raise ZeroDivisionError(HOSTILE)
    [path] = (state / "packshot" / "errors").iterdir()
    assert str(caught.value).startswith(f"Unexpected error: ZeroDivisionError: {SAFE}; its traceback is in {path}.")
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [PrefectException("paused"), httpx.ConnectError("away"), KeyboardInterrupt()])
def test_what_steers_prefect_or_ends_the_process_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, one_sentence_errors():
        raise error
    assert caught.value is error
