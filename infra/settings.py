"""Settings: where and how fast Packshot works.

Inputs: `PACKSHOT_*` environment variables. Outputs: frozen, validated `Settings`.
Invariant: no setting reaches a key, a digest or a pixel; what changes pixels belongs to the recipe. The signer is in
the published file, and so in its name.
"""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.host_port import split_host_port

MAX_IN_FLIGHT, SHARDS_PER_ENGINE, ASSUMED_GPUS_PER_HOST = 64, 3, 8


class Settings(BaseSettings):
    """Settings of one process."""

    model_config = SettingsConfigDict(env_prefix="PACKSHOT_", frozen=True, extra="ignore")

    shard_size: int = Field(128, ge=1, le=256, description="Images in a shard, the unit of work")
    in_flight: int = Field(4, ge=1, le=MAX_IN_FLIGHT, description="Shards between planning and their record at once")
    pool: Literal["inline", "ray"] = Field("inline", description="Where engines live: here, or one to a GPU with Ray")
    ray_address: str | None = Field(None, description="host:port of a Ray cluster's head; by default this host alone")
    ray_gpus: int | None = Field(None, ge=1, le=4096, description="Engines to start with Ray; by default one a GPU")
    ray_tries: int = Field(3, ge=1, le=100, description="Engines that may die with a shard before it is set aside")
    screeners: int | None = Field(None, ge=1, le=256, description="Measuring processes; by default one a core")
    screen_seconds: float = Field(60.0, gt=0, description="Seconds an image may be measured before it is killed")
    stub_seconds: float = Field(0.0, ge=0, description="Seconds the stub engine takes an image")
    single_writer: bool = Field(False, description="Work on a store without conditional writes, alone")
    store_seconds: float = Field(
        45.0, gt=0, description="Seconds a bucket may be away before a run gives up; below screen_seconds"
    )
    lease_seconds: float = Field(120.0, gt=0, description="How long a lease lasts without being renewed")
    engine_folder: str | None = Field(
        None, description="Where TensorRT engines are: one engine's folder, or a folder of them by the recipe's models"
    )
    keep_staged_days: int = Field(7, ge=1, description="Days that unpublished images are kept")
    gpu: str | None = Field(None, description="The GPU whose price and speed estimates use; see the price list")
    prices: str | None = Field(None, description="A price list of your own (YAML)")
    build_engines: bool = Field(
        True, description="Build the TensorRT engine that a recipe asks for and the store lacks, where a GPU is: once"
    )
    c2pa: bool = Field(True, description="Sign every published file (C2PA); the IPTC mark is the recipe's")
    c2pa_certificate: str | None = Field(None, description="Your certificate chain (PEM file), the signing one first")
    c2pa_key: str | None = Field(None, description="The private key of that certificate (PEM file, no password)")
    c2pa_folder: str | None = Field(None, description="Where the development certificate is kept; never in the store")
    c2pa_timestamp_url: str | None = Field(None, description="A time-stamp server; by default none is asked")
    c2pa_trust: str | None = Field(None, description="Root certificates (PEM file) to trust when marks are read")
    watermark: str | None = Field(None, description="Whose watermark a recipe may name: module:factory")
    acceleration: Literal["eager", "compile", "graphs"] = Field(
        "eager", description="How the torch engine runs its transformer: as diffusers does, compiled, or as CUDA graphs"
    )
    unverified: bool = Field(False, description="Paint in fp8 though no parity record says that it passed here")
    classifier: str | None = Field(None, description="A text classifier of your own for prompts (JSON)")

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
