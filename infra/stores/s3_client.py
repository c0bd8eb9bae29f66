"""S3 connection settings, shared by the clients of objects and of tables.

Inputs: the standard `AWS_*` environment. Outputs: s3fs's options for objects and deltalake's for tables.
Invariant: both clients use the same endpoint and give up after the same time. Credentials are not handled here: both
clients find them by themselves (environment, profile, web identity, instance role), so none can appear in a pickle, a
repr or a log.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from infra.errors import InvalidStoreAddress
from infra.settings import Settings
from infra.stores.addresses import is_plain_http_url
from infra.stores.retry import INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS, RetryPolicy
from infra.stores.s3_errors import error_code
from infra.stores.s3_refusals import refuses_condition
from infra.stores.store_clock import StoreClock

MAX_CONNECTIONS = 16
"""Connections that a process opens at most, and therefore the operations that are worth running at once."""

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 20
"""How long a connection may be silent before its request counts as lost."""


@dataclass(frozen=True)
class S3Access:
    """How a bucket is reached: the endpoint (None for AWS), the region (None: the client finds it), and the settings.

    `addressing`: path (the bucket in the path), virtual (in the host's name), or auto (as the client decides).
    """

    endpoint: str | None = None
    region: str | None = None
    retry_seconds: float = Settings.model_fields["store_seconds"].default
    addressing: str = "auto"
    single_writer: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "S3Access":
        """Read `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION` and `AWS_DEFAULT_REGION`."""
        values = os.environ if environment is None else environment
        endpoint = values.get("AWS_ENDPOINT_URL_S3") or values.get("AWS_ENDPOINT_URL") or None
        if endpoint is not None and ("?" in endpoint or not is_plain_http_url(endpoint)):
            raise InvalidStoreAddress(
                "AWS_ENDPOINT_URL must be an http:// or https:// address without user, password or query."
            )
        region = values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION") or None
        settings = Settings()
        return cls(endpoint, region, settings.store_seconds, settings.s3_addressing, settings.single_writer)

    def for_s3fs(self) -> dict[str, object]:
        """Return the keyword arguments of `s3fs.S3FileSystem`.

        Listings are never cached, since others write too. Its own retries are off: only `RetryPolicy`
        knows how long the store has been unreachable for all threads.
        """
        config: dict[str, object] = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "read_timeout": READ_TIMEOUT_SECONDS,
            "max_pool_connections": MAX_CONNECTIONS,
            "retries": {"mode": "standard", "total_max_attempts": 1},
        }
        if self.addressing != "auto":
            config["s3"] = {"addressing_style": self.addressing}
        options: dict[str, object] = {"use_listings_cache": False, "skip_instance_cache": True, "anon": False}
        options["config_kwargs"] = config
        if self.endpoint:
            options["endpoint_url"] = self.endpoint
        if self.region:
            options["client_kwargs"] = {"region_name": self.region}
        return options

    def endpoint_of(self, bucket: str) -> str | None:
        """Return the endpoint; with virtual addressing the bucket's own, whose host begins with the bucket's name."""
        if self.endpoint is None or self.addressing != "virtual":
            return self.endpoint
        parts = urlsplit(self.endpoint)
        return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()

    def for_deltalake(self, bucket: str) -> dict[str, str]:
        """Return deltalake's `storage_options` for a bucket; plain http is allowed only where the endpoint is http.

        The client below deltalake retries by itself, with jitter; it gets the same pauses and the same deadline.
        """
        options = {
            "AWS_CONDITIONAL_PUT": "etag",
            "connect_timeout": f"{CONNECT_TIMEOUT_SECONDS}s",
            "max_retries": "1000",  # the deadline ends it, not the count
            "retry_timeout": f"{self.retry_seconds:g}s",
            "backoff_config.init_backoff": f"{INITIAL_BACKOFF_SECONDS:g}s",
            "backoff_config.max_backoff": f"{MAX_BACKOFF_SECONDS:g}s",
        }
        if self.addressing != "auto":
            options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "true" if self.addressing == "virtual" else "false"
        if endpoint := self.endpoint_of(bucket):
            options["AWS_ENDPOINT_URL"] = endpoint
            options["AWS_ALLOW_HTTP"] = "true" if endpoint.startswith("http://") else "false"
        if self.region:
            options["AWS_REGION"] = self.region
        return options


@dataclass
class ConditionalPuts:
    """What this process knows of an endpoint's conditional puts: whether the server was seen to refuse them (501).

    Only where a single writer is promised does a refusal change anything: a key is then looked up before it is written.
    """

    single_writer: bool = False
    refused: bool = False

    def accept_refusal(self, error: BaseException) -> bool:
        """Remember that conditions are refused; return False where the error is another, or two writers may work."""
        accepted = self.single_writer and refuses_condition(error_code(error), str(error))
        self.refused = self.refused or accepted
        return accepted


@dataclass(frozen=True)
class S3Client:
    """A process's client of one endpoint: s3fs's file system with its connections, its retry policy, its clock."""

    filesystem: Any
    retry_policy: RetryPolicy
    clock: StoreClock
    conditions: ConditionalPuts = field(default_factory=ConditionalPuts)


@cache
def open_client(access: S3Access) -> S3Client:
    """Return this process's one client of an endpoint, so that connections are bounded and the deadline is shared."""
    from aiobotocore.session import AioSession
    from s3fs import S3FileSystem

    clock, session = StoreClock(_DATE_SLACK_SECONDS), AioSession()
    session.register("after-call.s3", _date_observer(clock))
    files = S3FileSystem(**access.for_s3fs(), session=session)
    files.retries = 1
    return S3Client(files, RetryPolicy(access.retry_seconds), clock, ConditionalPuts(access.single_writer))


_DATE_SLACK_SECONDS = 3.0  # HTTP's whole second, and two on the way


def _date_observer(clock: StoreClock) -> Callable[..., None]:
    """Return a botocore event handler that shows the clock the `Date` of every answer, errors included."""

    def observe(http_response: Any = None, **_: object) -> None:
        date = "" if http_response is None else http_response.headers.get("date", "")
        with suppress(ValueError):  # a server without a readable date
            clock.observe(parsedate_to_datetime(date))

    return observe
