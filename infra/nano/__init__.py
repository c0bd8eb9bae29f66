"""packshot-nano: a Z-Image pipeline small enough for a laptop's CPU, and all that trained it.

Comes in: nothing from elsewhere; the training pictures are drawn here. Goes out: the folder `packshot-nano/`, which
the torch engine loads like any other model. It is for rehearsals and tests; README.md says how it is made.
"""

from pathlib import Path

MODEL_FOLDER = Path(__file__).parent / "packshot-nano"
"""The model's folder, in diffusers' layout."""
