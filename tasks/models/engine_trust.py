"""Engine trust: which engines of a store this host loads.

Inputs: integrity keys, a setting. Outputs: an artifact with a tag, and why an artifact is not trusted.
A plan is a program, and `ready` is a word that every writer of `engines/` can write. So whoever verified an engine puts
a tag on its card, by a key that the store does not hold; the card has the sha256 of each file, so the tag covers them.
A host loads what it verified itself, what another holder of its key verified, and nothing else unless it is told to.
"""

import json
from dataclasses import dataclass

from catalogs.models.engine_artifacts import EngineArtifact
from infra.integrity.key_files import open_integrity_keys
from infra.integrity.keyring import IntegrityKeys
from infra.settings import Settings

TAG_PURPOSE = "engine"


@dataclass(frozen=True)
class EngineTrust:
    """The keys whose tags are believed. Without keys, and with `every_engine`, each readable card is."""

    keys: IntegrityKeys | None
    every_engine: bool = False

    def with_tag(self, artifact: EngineArtifact) -> EngineArtifact:
        """Return the artifact with a tag of this host; without keys it carries none."""
        if self.keys is None:
            return artifact.model_copy(update={"tag": None})
        return artifact.model_copy(update={"tag": self.keys.tag(TAG_PURPOSE, _signed_content(artifact))})

    def refusal(self, artifact: EngineArtifact) -> str | None:
        """Return why this host does not trust what a card says, or None."""
        if self.keys is None or self.every_engine:
            return None
        if self.keys.accepts(artifact.tag, TAG_PURPOSE, _signed_content(artifact)):
            return None
        return (
            "it carries no tag of a key that this host has: verify it here with `packshot engine verify`, give its "
            "builder and this host one PACKSHOT_INTEGRITY_KEY, or set PACKSHOT_TRUST_STORE_ENGINES=1"
        )


def open_engine_trust(settings: Settings) -> EngineTrust:
    """Return the trust that the settings describe. Raises `IntegrityKeyError` for keys that cannot be used."""
    return EngineTrust(open_integrity_keys(settings), settings.trust_store_engines)


def _signed_content(artifact: EngineArtifact) -> str:
    """Return all of the card but its tag. Values left at their defaults are left out, so later fields move no tag."""
    content = artifact.model_dump(mode="json", exclude={"tag"}, exclude_defaults=True)
    return json.dumps(content, sort_keys=True, ensure_ascii=True)
