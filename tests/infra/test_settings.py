"""Settings come from the environment, are checked, and cannot be changed afterwards."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import Settings


def test_defaults_serve_a_laptop() -> None:
    settings = Settings()
    assert (settings.shard_size, settings.in_flight, settings.screeners) == (128, 4, None)
    assert settings.single_writer is False


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_SHARD_SIZE", "64")
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    monkeypatch.setenv("PACKSHOT_STUB_SECONDS", "0.75")
    settings = Settings()
    assert (settings.shard_size, settings.single_writer, settings.stub_seconds) == (64, True, 0.75)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHARD_SIZE", "0"),
        ("SHARD_SIZE", "257"),
        ("SHARD_SIZE", "many"),
        ("IN_FLIGHT", "0"),
        ("SCREENERS", "0"),
        ("POOL", "threads"),
        ("RAY_GPUS", "0"),
        ("RAY_TRIES", "0"),
        ("RAY_ADDRESS", "ray://head:10001"),
        ("SCREEN_SECONDS", "0"),
        ("STUB_SECONDS", "-1"),
        ("LEASE_SECONDS", "0"),
        ("KEEP_STAGED_DAYS", "0"),
        ("PHOTO_RECHECK_DAYS", "0"),
        ("PHOTO_HOSTS", "https://cdn.shop.example"),
        ("PHOTO_HOSTS", "cdn.shop.example/photos"),
        ("PHOTO_HOSTS", "user@cdn.shop.example"),
        ("PHOTO_FOLDERS", "/data/photos,gopher://x"),
    ],
)
def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PACKSHOT_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"STORE_SECONDS": "60"}, "60 must be below PACKSHOT_SCREEN_SECONDS, which is 60"),
        ({"STORE_SECONDS": "30.5", "SCREEN_SECONDS": "20"}, "30.5 must be below PACKSHOT_SCREEN_SECONDS, which is 20"),
        ({"SCREEN_SECONDS": "30"}, "45 must be below PACKSHOT_SCREEN_SECONDS, which is 30"),
    ],
)
def test_a_store_is_given_up_before_the_image_that_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], words: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"PACKSHOT_{name}", value)
    with pytest.raises(ValidationError, match=f"store_seconds\n  {words}"):
        Settings()
    monkeypatch.setenv("PACKSHOT_STORE_SECONDS", "5")
    assert Settings().store_seconds == 5


def test_the_shards_in_flight_keep_several_engines_busy_unless_they_are_set() -> None:
    def in_flight(**values: Any) -> int:
        return Settings(**values).shards_in_flight

    assert [in_flight(), in_flight(pool="ray", ray_gpus=1), in_flight(pool="ray", ray_gpus=4)] == [4, 4, 12]
    assert [in_flight(pool="ray"), in_flight(pool="ray", ray_gpus=500)] == [24, 64]
    assert in_flight(pool="ray", ray_gpus=4, in_flight=2) == in_flight(in_flight=2) == 2


def test_how_many_engines_there_are_is_known_where_it_is_set() -> None:
    assert [Settings(ray_gpus=4).engine_count, Settings(pool="ray").engine_count] == [1, 1]
    assert Settings(pool="ray", ray_gpus=4).engine_count == 4


def test_places_of_photos_are_separated_by_commas_and_no_password_is_repeated() -> None:
    settings = Settings(photo_hosts=" cdn.shop.example, img.shop.example:8443,", photo_folders="/data/a, s3://b/c")
    assert settings.allowed_photo_hosts == {"cdn.shop.example", "img.shop.example:8443"}
    assert settings.allowed_photo_folders == ("/data/a", "s3://b/c")
    assert (Settings().allowed_photo_hosts, Settings().allowed_photo_folders) == (frozenset(), ())
    for wrong in ({"photo_hosts": "ada:hunter2@cdn.shop.example"}, {"photo_folders": "s3://ada:hunter2@bucket/x"}):
        with pytest.raises(ValidationError) as refused:
            Settings(**wrong)  # type: ignore[arg-type]
        assert "hunter2" not in refused.value.errors(include_input=False)[0]["msg"]


def test_settings_do_not_change_under_way() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().shard_size = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_own_cutters_have_names_that_recipes_use() -> None:
    settings = Settings(cutters="birefnet=/models/birefnet.onnx, mine = shop.cutting:open_cutter")
    assert settings.cutter_addresses == {"birefnet": "/models/birefnet.onnx", "mine": "shop.cutting:open_cutter"}
    for wrong in ("birefnet.onnx", "Bad=x.onnx", "mine=shop.cutting", "mine=os.system('x')", "a=b=c.onnx"):
        with pytest.raises(ValueError, match=r"name=file.onnx and name=module:factory"):
            Settings(cutters=wrong)
