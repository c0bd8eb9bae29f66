"""Where S3 is and how it may be reached, said once for both clients.

Comes in: the standard `AWS_*` environment. Goes out: s3fs's options for objects and deltalake's for tables, so that the
two can never talk to different places. Credentials are not handled here at all: both clients find them by themselves
(environment, profile, web identity, instance role), so none can end in a pickle, a repr or a log.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.errors import BadAddress


@dataclass(frozen=True)
class S3Access:
    """An endpoint (None for AWS itself) and a region (None: as the client finds it)."""

    endpoint: str | None = None
    region: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "S3Access":
        """Read `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION` and `AWS_DEFAULT_REGION`."""
        values = os.environ if environment is None else environment
        endpoint = values.get("AWS_ENDPOINT_URL_S3") or values.get("AWS_ENDPOINT_URL") or None
        if endpoint is not None:
            parts = urlsplit(endpoint)
            if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
                raise BadAddress("AWS_ENDPOINT_URL must be an http:// or https:// address without user or password.")
        return cls(endpoint, values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION") or None)

    def for_s3fs(self) -> dict[str, object]:
        """Return the keyword arguments of `s3fs.S3FileSystem`; listings are never cached, since others write too."""
        options: dict[str, object] = {"use_listings_cache": False, "skip_instance_cache": True, "anon": False}
        if self.endpoint:
            options["endpoint_url"] = self.endpoint
        if self.region:
            options["client_kwargs"] = {"region_name": self.region}
        return options

    def for_deltalake(self) -> dict[str, str]:
        """Return deltalake's `storage_options`; plain http is allowed only where the endpoint says so."""
        options = {"AWS_CONDITIONAL_PUT": "etag"}
        if self.endpoint:
            options["AWS_ENDPOINT_URL"] = self.endpoint
            options["AWS_ALLOW_HTTP"] = "true" if self.endpoint.startswith("http://") else "false"
        if self.region:
            options["AWS_REGION"] = self.region
        return options
