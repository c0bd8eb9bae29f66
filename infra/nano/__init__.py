"""packshot-nano: a Z-Image pipeline small enough for a laptop's CPU, and the code that trained it.

Inputs: none; the training images are drawn here. Outputs: the folder `packshot-nano/`, which the torch engine loads
like any other model. It is for rehearsals and tests; README.md says how it is made.
The wheel holds the model and its architecture; `drawing` and `training` run from a checkout alone.
"""

from pathlib import Path

MODEL_FOLDER = Path(__file__).parent / "packshot-nano"
"""The model's folder, in the layout of diffusers."""
