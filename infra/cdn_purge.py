"""Purge a CDN of objects that are no longer shown, by a command or a webhook of the customer's.

Inputs: the settings, and keys of objects. Outputs: the answer, as it is recorded; a failure is an answer too.
A command gets the keys on its standard input, one JSON object a line (with the public link where the settings name its
base), and is run without a shell. A webhook gets the
same lines as the body of a POST to an https address (http only to this machine). Its address may hold a token, so it
is in no error and no record.
"""

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from infra.errors import one_line
from infra.public_links import public_link
from infra.settings import Settings

PURGE_SECONDS = 60.0
"""How long a command or a webhook may take for one batch of keys."""
MAX_ANSWER_CHARACTERS = 500
MIN_TOKEN_CHARACTERS = 6
"""Shorter parts of an address are words, and stand in answers by chance."""
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class PurgeAnswer:
    """What the command or the webhook answered to one batch of keys."""

    succeeded: bool
    answer: str


class CommandPurger:
    """Runs the customer's command once for each batch of keys."""

    def __init__(self, command: str, public_url: str | None = None) -> None:
        self._public_url = public_url
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"PACKSHOT_PURGE_COMMAND cannot be read as a command: {error}") from None
        if not self._arguments:
            raise ValueError("PACKSHOT_PURGE_COMMAND is empty; name a command, or unset it")

    def send(self, store: str, keys: Sequence[str]) -> PurgeAnswer:
        """Give the keys to the command; exit code 0 is success."""
        try:
            done = subprocess.run(
                self._arguments,
                input=_lines(store, keys, self._public_url),
                capture_output=True,
                timeout=PURGE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return PurgeAnswer(False, f"the command took longer than {PURGE_SECONDS:g} s")
        except OSError as error:
            return PurgeAnswer(False, f"the command could not be started: {error.strerror}")
        text = (done.stdout or done.stderr).decode("utf-8", "replace")
        return PurgeAnswer(done.returncode == 0, _short(f"exit {done.returncode} {text}"))


class WebhookPurger:
    """Posts each batch of keys to the customer's address."""

    def __init__(self, url: str, public_url: str | None = None) -> None:
        self._public_url = public_url
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
        if not parts.hostname or parts.username or parts.password or (parts.scheme != "https" and not local):
            raise ValueError("PACKSHOT_PURGE_WEBHOOK must be an https:// address without user or password")
        self._url = url

    def send(self, store: str, keys: Sequence[str]) -> PurgeAnswer:
        """Post the keys; a status of 200 to 299 is success. Redirects are not followed."""
        request = Request(  # noqa: S310 - the scheme was checked
            self._url, _lines(store, keys, self._public_url), {"Content-Type": "application/x-ndjson"}, method="POST"
        )
        try:
            with build_opener(_NoRedirect).open(request, timeout=PURGE_SECONDS) as response:
                body = response.read(MAX_ANSWER_CHARACTERS).decode("utf-8", "replace")
                return PurgeAnswer(200 <= response.status < 300, self._without_address(f"{response.status} {body}"))
        except HTTPError as error:
            return PurgeAnswer(False, self._without_address(f"{error.code} {error.reason}"))
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            return PurgeAnswer(False, _short(f"no answer: {type(reason).__name__}"))

    def _without_address(self, answer: str) -> str:
        """Return an answer that may repeat the address, without the parts of it in which a token may be."""
        parts = urlsplit(self._url)
        for part in (parts.query, parts.path.rstrip("/"), *parts.path.split("/")):
            answer = answer.replace(part, "…") if len(part) >= MIN_TOKEN_CHARACTERS else answer
        return _short(answer)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Refuse: an address that was checked must not lead to one that was not."""


Purger = CommandPurger | WebhookPurger


def open_purger(settings: Settings) -> Purger | None:
    """Return the settings' purger; None where nothing is to be purged. Raises `ValueError`, which names the setting."""
    if settings.purge_command and settings.purge_webhook:
        raise ValueError("Set one of PACKSHOT_PURGE_COMMAND and PACKSHOT_PURGE_WEBHOOK, not both")
    if settings.purge_command:
        return CommandPurger(settings.purge_command, settings.public_url)
    return WebhookPurger(settings.purge_webhook, settings.public_url) if settings.purge_webhook else None


def _lines(store: str, keys: Sequence[str], public_url: str | None) -> bytes:
    objects = [{"store": store, "key": key} for key in keys]
    if public_url is not None:
        objects = [{**each, "url": f"{public_link(public_url, each['key'])}"} for each in objects]
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def _short(text: str) -> str:
    return one_line(text)[:MAX_ANSWER_CHARACTERS].strip()
