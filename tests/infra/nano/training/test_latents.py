"""Latents: every colour of every product, beside what each picture shows."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from infra.nano.architecture import autoencoder_of
from infra.nano.drawing.negatives import Drawing, draw_all
from infra.nano.drawing.rendering import COLOURS
from infra.nano.training.latents import LOOKS, encode_all, load_latents, looks_of

HATS = [Drawing("training", "hat", "front", number) for number in range(2)]


def test_two_negatives_of_a_view_show_every_colour_once() -> None:
    colours = Counter(look.colour for drawing in HATS for look in looks_of(drawing))
    assert colours == Counter(list(COLOURS))


def test_latents_are_written_with_their_subjects(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = autoencoder_of()
    model.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    assert len(list(draw_all(tmp_path, HATS[:1], 1))) == 1
    assert list(encode_all(model, tmp_path, HATS[:1], tmp_path / "work")) == HATS[:1]
    latents, subjects = load_latents(tmp_path / "work")
    assert (latents.shape, latents.dtype) == ((LOOKS, 16, 16, 16), np.float16)
    assert [subject.look for subject in subjects] == looks_of(HATS[0])
    assert {(subject.product, subject.view) for subject in subjects} == {("hat", "front")}
