"""Integrity keys of this process: from the settings, from a file, or from a file that the first use makes.

Inputs: settings. Outputs: `IntegrityKeys`, or None where the settings switch them off.
Invariant: a key is never kept in the store that it protects, nor printed. Of several processes that need one at the
same time, the first makes it and all use that one.
"""

import os
import secrets
from pathlib import Path

from infra.errors import IntegrityKeyError
from infra.integrity.keyring import IntegrityKeys, parse_keys
from infra.private_files import locked_folder, write_private_file
from infra.settings import Settings

MAX_FILE_BYTES = 64 * 1024
LOCK_FILE = "keys.lock"


def open_integrity_keys(settings: Settings) -> IntegrityKeys | None:
    """Return the keys of PACKSHOT_INTEGRITY_KEY, else of the key file; None where PACKSHOT_INTEGRITY is off.

    A named file must be there; the default one is made at its first use. Raises `IntegrityKeyError` for keys that
    cannot be used and for a file that cannot be read or made.
    """
    if not settings.integrity:
        return None
    if settings.integrity_key is not None:
        return _parsed(settings.integrity_key.get_secret_value(), "PACKSHOT_INTEGRITY_KEY")
    path = integrity_key_path(settings)
    try:
        text = _read(path)
        if text is None and settings.integrity_key_file is None:
            with locked_folder(path.parent, LOCK_FILE):
                text = _read(path) or _create(path)
    except OSError as error:
        raise IntegrityKeyError(
            f"The integrity key cannot be kept in {str(path)!r} ({error.strerror}): give one by PACKSHOT_INTEGRITY_KEY"
            " or PACKSHOT_INTEGRITY_KEY_FILE, or set PACKSHOT_INTEGRITY=0 to believe stored work as it lies."
        ) from None
    if text is None:
        raise IntegrityKeyError(
            f"PACKSHOT_INTEGRITY_KEY_FILE: there is no file {str(path)!r}; make it by `openssl rand -hex 32`."
        )
    return _parsed(text, str(path))


def integrity_key_path(settings: Settings) -> Path:
    """Return the key file that these settings name; by default one among the user's own data."""
    if settings.integrity_key_file is not None:
        return Path(settings.integrity_key_file).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "packshot" / "integrity" / "keys"


def _parsed(text: str, source: str) -> IntegrityKeys:
    try:
        return parse_keys(text)
    except IntegrityKeyError as error:
        raise IntegrityKeyError(f"{source}: {error}") from None


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise IntegrityKeyError(f"{str(path)!r} holds other than text; an integrity key is a line of ASCII.") from None


def _create(path: Path) -> str:
    text = f"{secrets.token_hex(32)}\n"
    write_private_file(path, text.encode())
    return text
