"""Settings: where and how fast Packshot works.

Inputs: `PACKSHOT_*` environment variables. Outputs: frozen, validated `Settings`.
Invariant: no setting reaches a key, a digest or a pixel; what changes pixels belongs to the recipe. The signer is in
the published file, and so in its name.
"""

import re
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import InvalidStoreAddress
from infra.host_port import split_host_port
from infra.public_links import check_public_base
from infra.stores.addresses import parse_address

_NAMED_CUTTER = re.compile(r"[a-z0-9][a-z0-9-]{0,62} *= *(?:[^=]*\.onnx|[\w.]+:\w+)")
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*(?::\d{1,5})?")
MAX_IN_FLIGHT, SHARDS_PER_ENGINE, ASSUMED_GPUS_PER_HOST = 64, 3, 8


class Settings(BaseSettings):
    """Settings of one process."""

    model_config = SettingsConfigDict(env_prefix="PACKSHOT_", frozen=True, extra="ignore")

    shard_size: int = Field(128, ge=1, le=256, description="Images per shard, the unit of work")
    in_flight: int = Field(
        4, ge=1, le=MAX_IN_FLIGHT, description="Shards in flight at once, from planning to their record"
    )
    pool: Literal["inline", "ray"] = Field(
        "inline", description="Where engines run: in this process, or one per GPU with Ray"
    )
    ray_address: str | None = Field(
        None, description="host:port of a Ray cluster's head; by default Ray runs on this host alone"
    )
    ray_gpus: int | None = Field(None, ge=1, le=4096, description="Engines to start with Ray; by default one per GPU")
    ray_tries: int = Field(3, ge=1, le=100, description="Engines that may die with a shard before it is quarantined")
    screeners: int | None = Field(None, ge=1, le=256, description="Screening processes; by default one per core")
    screen_seconds: float = Field(
        60.0, gt=0, description="Seconds that screening one image may take before its process is killed"
    )
    stub_seconds: float = Field(0.0, ge=0, description="Seconds that the stub engine takes per image")
    single_writer: bool = Field(
        False,
        description="Allow a store without conditional writes, ignored or refused; only one run at a time may use it",
    )
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where a request names the bucket: in the path, in the host's name (virtual; Alibaba OSS wants it),"
        " or as the client decides",
    )
    store_seconds: float = Field(
        45.0,
        gt=0,
        description="Seconds that a bucket may be unreachable before a run fails; below PACKSHOT_SCREEN_SECONDS",
    )
    lease_seconds: float = Field(120.0, gt=0, description="Seconds that a lease lasts without being renewed")
    engine_folder: str | None = Field(
        None, description="Folder of one TensorRT engine, or of several, named by the recipe's models"
    )
    trust_store_engines: bool = Field(
        False,
        description="Load every verified TensorRT engine of a store, also one without a tag of a key of this host",
    )
    model_sources: str | None = Field(
        None,
        description="The only sources that a store's registry may name, by commas: hub owners, hub ids, folders. "
        "Without it a version needs a weights digest",
    )
    keep_releases: int = Field(
        30, ge=1, le=10_000, description="Newest releases of each catalogue that can be gone back to"
    )
    keep_days: int = Field(
        7, ge=1, le=3650, description="Days for which every release that was live can be gone back to"
    )
    keep_staged_days: int = Field(7, ge=1, description="Days that unpublished images are kept")
    keep_runs_days: int = Field(
        30, ge=1, le=3650, description="Days after which a closed run's folder shrinks to what kept releases need"
    )
    public_url: str | None = Field(
        None,
        description="The address below which the store's objects are served, such as a CDN's: reports, `why`,"
        " `provenance` and purges then link each image",
    )
    review_max_waiting: int | None = Field(
        None, ge=1, description="Slots that may wait for a person before a full run reports it, and Prefect is told"
    )
    review_max_age_hours: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Hours that a question may wait for a person, likewise"
    )
    purge_command: str | None = Field(
        None, description="A command that purges a CDN of objects no longer shown: JSON lines on its standard input"
    )
    purge_webhook: str | None = Field(
        None, description="An https:// address to which the same lines are posted, in place of a command"
    )
    source_query: SecretStr | None = Field(
        None,
        description="Query of an http(s) source, such as a signature or a token (`X-Amz-Signature=…`): it is sent, and"
        " kept nowhere",
    )
    gpu: str | None = Field(
        None, description="The GPU whose price and speed the estimates use, by its name in the price list"
    )
    prices: str | None = Field(None, description="Your own price list (YAML file)")
    build_engines: bool = Field(
        True,
        description="On a GPU, build the TensorRT engine that the recipe needs and the store lacks, once",
    )
    c2pa: bool = Field(True, description="Sign every published file (C2PA); the IPTC mark is the recipe's")
    c2pa_certificate: str | None = Field(None, description="Your certificate chain (PEM file), the signing one first")
    c2pa_key: str | None = Field(None, description="The private key of that certificate (PEM file, no password)")
    c2pa_folder: str | None = Field(
        None, description="Folder of the development certificate, which is never kept in the store"
    )
    c2pa_timestamp_url: str | None = Field(
        None, description="URL of a time-stamp server; by default there are no time stamps"
    )
    c2pa_trust: str | None = Field(None, description="Root certificates (PEM file) to trust when credentials are read")
    integrity: bool = Field(True, description="Believe staged work only where it carries a tag by an integrity key")
    integrity_key: SecretStr | None = Field(
        None,
        description="The integrity key, at least 32 characters; several by commas: the first signs, all are accepted",
    )
    integrity_key_file: str | None = Field(
        None, description="File of the integrity keys, one a line; by default one that the first run makes"
    )
    watermark: str | None = Field(
        None, description="The code of the watermark that a recipe may name, as module:factory"
    )
    acceleration: Literal["eager", "compile", "graphs"] = Field(
        "eager", description="How the torch engine runs its transformer: as diffusers does, compiled, or as CUDA graphs"
    )
    unverified: bool = Field(
        False, description="Generate in fp8 without a parity record that it passed on this machine"
    )
    classifier: str | None = Field(None, description="Your own text classifier for prompts (JSON file)")
    photo_hosts: str | None = Field(
        None,
        description="Hosts that photos may be read from over https, by commas: cdn.shop.example, img.shop.example:8443."
        " By default none",
    )
    photo_folders: str | None = Field(
        None,
        description="Folders and s3:// prefixes that photos may lie in, by commas, beside the catalogue's own folder",
    )
    photo_recheck_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days after which a photo on the web is asked for again, whether it changed, at the latest; and"
        " after which a refused file is read again",
    )
    cutters: str | None = Field(
        None,
        description="Cutters of your own, by commas, as name=file.onnx or name=module:factory; recipes use the names",
    )
    cutout_weights: str | None = Field(
        None, description="The weights of u2netp (ONNX file), where they do not come by a package"
    )

    @property
    def allowed_model_sources(self) -> tuple[str, ...]:
        """Return the sources of `model_sources`; none where any source is allowed that has a weights digest."""
        return tuple(_names(self.model_sources))

    @property
    def allowed_photo_hosts(self) -> frozenset[str]:
        """Return the hosts of `photo_hosts`."""
        return frozenset(_names(self.photo_hosts))

    @property
    def allowed_photo_folders(self) -> tuple[str, ...]:
        """Return the folders of `photo_folders`."""
        return tuple(_names(self.photo_folders))

    @property
    def cutter_addresses(self) -> dict[str, str]:
        """Return the cutters of `cutters`: name -> address."""
        pairs = (each.partition("=") for each in _names(self.cutters))
        return {name.strip(): address.strip() for name, _, address in pairs}

    @property
    def engine_count(self) -> int:
        """Return how many engines work side by side, as far as the settings determine it."""
        return self.ray_gpus or 1 if self.pool == "ray" else 1

    @property
    def shards_in_flight(self) -> int:
        """Return `in_flight`; if unset with several engines, three shards per engine: two in work, one screened."""
        if self.pool == "inline" or "in_flight" in self.model_fields_set:
            return self.in_flight
        return min(MAX_IN_FLIGHT, max(self.in_flight, SHARDS_PER_ENGINE * (self.ray_gpus or ASSUMED_GPUS_PER_HOST)))

    @field_validator("ray_address")
    @classmethod
    def _check_ray_address(cls, address: str | None) -> str | None:
        try:
            if address is not None:
                split_host_port(address)
        except ValueError as error:
            raise PydanticCustomError("no_address", "{why}", {"why": str(error)}) from None
        return address

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, base: str | None) -> str | None:
        try:
            return base if base is None else check_public_base(base)
        except ValueError as error:
            raise PydanticCustomError("no_base", "{why}", {"why": str(error)}) from None

    @field_validator("photo_hosts")
    @classmethod
    def _check_photo_hosts(cls, hosts: str | None) -> str | None:
        for host in _names(hosts):
            if not _HOST.fullmatch(host):
                why = "it takes names of hosts with an optional port, such as cdn.shop.example, and no https:// or path"
                raise PydanticCustomError("no_host", "{why}", {"why": why})
        return hosts

    @field_validator("photo_folders")
    @classmethod
    def _check_photo_folders(cls, folders: str | None) -> str | None:
        try:
            for folder in _names(folders):
                parse_address(folder)
        except InvalidStoreAddress as error:
            raise PydanticCustomError("no_folder", "{why}", {"why": str(error)}) from None
        return folders

    @field_validator("cutters")
    @classmethod
    def _check_cutters(cls, cutters: str | None) -> str | None:
        for each in _names(cutters):
            if not _NAMED_CUTTER.fullmatch(each):
                why = "it takes name=file.onnx and name=module:factory; a name has lower case letters, digits and -"
                raise PydanticCustomError("no_cutter", "{why}", {"why": why})
        return cutters

    @field_validator("store_seconds")
    @classmethod
    def _check_store_seconds(cls, seconds: float, info: ValidationInfo) -> float:
        # Measuring reads from the store: a longer wait there than an image's own limit would be blamed on the image.
        limit = info.data.get("screen_seconds")
        if limit is not None and seconds >= limit:
            raise PydanticCustomError(
                "not_below", "{seconds} must be below PACKSHOT_SCREEN_SECONDS, which is {limit}",
                {"seconds": f"{seconds:g}", "limit": f"{limit:g}"},
            )  # fmt: skip
        return seconds


def _names(text: str | None) -> list[str]:
    """Return the names in a text, which commas separate."""
    return [name for each in (text or "").split(",") if (name := each.strip())]
