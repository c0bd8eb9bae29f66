"""Latents: every colour of every product, beside what each picture shows."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from infra.nano.architecture import create_autoencoder
from infra.nano.drawing.negatives import NegativeSpec, draw_negatives
from infra.nano.drawing.rendering import COLOURS
from infra.nano.training.latents import LOOKS_PER_NEGATIVE, encode_images, load_latents, looks_for

HATS = [NegativeSpec("training", "hat", "front", number) for number in range(2)]


def test_two_negatives_of_a_view_show_every_colour_once() -> None:
    colours = Counter(look.colour for drawing in HATS for look in looks_for(drawing))
    assert colours == Counter(list(COLOURS))


def test_latents_are_written_with_their_subjects(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_autoencoder()
    model.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    assert len(list(draw_negatives(tmp_path, HATS[:1], 1))) == 1
    assert list(encode_images(model, tmp_path, HATS[:1], tmp_path / "work")) == HATS[:1]
    latents, subjects = load_latents(tmp_path / "work")
    assert (latents.shape, latents.dtype) == ((LOOKS_PER_NEGATIVE, 16, 16, 16), np.float16)
    assert [subject.look for subject in subjects] == looks_for(HATS[0])
    assert {(subject.product, subject.view) for subject in subjects} == {("hat", "front")}
