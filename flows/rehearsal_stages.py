"""Rehearsal stages: the two drawn backdrops of the rehearsal, added to its store and approved before it runs.

Inputs: the rehearsal's store, the folder of the files, its policy. Outputs: none; a store that has them is left as it
is. They pass the same gate as a shop's backdrops; the person's yes, which nobody gives in a rehearsal, is written as
what it is: by `rehearsal`.
"""

from pathlib import Path

from catalogs.policy.schema import Policy
from catalogs.stages.stage import StageState
from flows.wiring.open_store import open_for_writing
from infra.settings import Settings
from tasks.stages.stage_changes import SceneTerms, StageOffers, answer_stages
from tasks.stages.stage_gate import StageGate
from tasks.stages.stage_libraries import read_library
from tasks.stages.stage_pictures import decode_stage_picture

LIBRARY = "rehearsal"
"""As the rehearsal's recipe names it, and who says yes."""


def add_rehearsal_stages(store_url: str, folder: Path, policy: Policy, settings: Settings) -> None:
    """Add the pictures of a folder to the library and approve them."""
    store, _ = open_for_writing(store_url, settings, create=True)
    known = {stage.name for stage in read_library(store, LIBRARY).stages}
    offers = StageOffers(store, LIBRARY, StageGate(policy), SceneTerms("photo", LIBRARY))
    files = [file for file in sorted(folder.iterdir()) if file.stem not in known]
    for file in files:
        offers.offer(file.stem, decode_stage_picture(file.read_bytes()), {"file": file.name})
    proposed = [stage.name for stage in read_library(store, LIBRARY).stages if stage.state is StageState.PROPOSED]
    if proposed:
        answer_stages(store, LIBRARY, proposed, StageState.APPROVED, LIBRARY)
