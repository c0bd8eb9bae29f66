"""Precision check: one model in two precisions on the same prompts, compared and recorded.

Inputs: the specification of the engine to verify. Outputs: a parity record, written where `open_engine` looks for it.
The two engines are open one after the other, since a GPU that needs the smaller precision seldom has room for both.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infra.engines import device_kind, open_engine, parity_key_of
from infra.engines.parity import ParityRecord, compare_images, fixed_prompts, generate_images, write_parity_record
from infra.engines.spec import EngineSpec
from infra.errors import EngineError
from infra.interfaces import Pixels, Prompt
from infra.models.loading import weights_dtype

REFERENCE_PRECISIONS = {"fp8": "bf16", "bf16": "fp32"}
"""The reference precision of each verified precision."""


def verify_precision(spec: EngineSpec, side: int, steps: int, folder: Path) -> ParityRecord:
    """Generate the fixed prompts (squares of `side` pixels) in both precisions, compare, write the record to `folder`.

    Raises `EngineError` before generating for a precision without a reference, or one that this machine lacks.
    """
    if spec.precision not in REFERENCE_PRECISIONS:
        raise EngineError(
            f"The precision {spec.precision!r} is the reference itself: verify one of {sorted(REFERENCE_PRECISIONS)}."
        )
    weights_dtype(spec.precision, device_kind())
    prompts = fixed_prompts(side, steps)
    reference = _generate_prompt_images(replace(spec, precision=REFERENCE_PRECISIONS[spec.precision]), prompts)  # type: ignore[arg-type]
    record = compare_images(
        parity_key_of(spec), reference, _generate_prompt_images(replace(spec, unverified=True), prompts)
    )
    write_parity_record(record, folder)
    return record


def _generate_prompt_images(spec: EngineSpec, prompts: Sequence[Prompt]) -> dict[str, Pixels]:
    engine = open_engine(spec)
    try:
        return generate_images(engine, prompts)
    finally:
        engine.close()
