"""One table, the environment, and options on top."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from image_search.errors import SettingsError
from image_search.settings import PREFIX, TABLE, Settings, load_settings


def test_every_row_is_a_field_and_every_field_a_row() -> None:
    assert [row.name for row in TABLE] == [field.name for field in dataclasses.fields(Settings)]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_tables_default_is_the_default_in_force(row: object) -> None:
    assert row in TABLE
    for setting in TABLE:
        if setting is row:
            expected = None if setting.default is None else setting.parse(setting.default)
            assert getattr(Settings(), setting.name) == expected
            assert setting.unit
            assert setting.reason
            assert (setting.low is None) == (setting.high is None)


def test_nothing_set_means_the_defaults() -> None:
    assert load_settings({"PATH": "/bin", "HOME": "/root"}) == Settings()


def test_the_environment_is_read_and_options_win() -> None:
    environment = {
        "IMAGE_SEARCH_IMAGES": "/designs",
        "IMAGE_SEARCH_PORT": "8080",
        "IMAGE_SEARCH_PASSWORD": " with blanks ",
        "IMAGE_SEARCH_UPLOAD_MEGABYTES": "1.5",
    }

    settings = load_settings(environment, {"port": 9090, "host": None})

    assert settings.images == Path("/designs")
    assert settings.port == 9090
    assert settings.host == "127.0.0.1"
    assert settings.password == " with blanks "
    assert settings.upload_megabytes == 1.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "many", "whole number"),
        ("PORT", "5050.5", "whole number"),
        ("PORT", "0", "between 1 and 65535"),
        ("PORT", "70000", "between"),
        ("HUB_TIMEOUT", "nan", "between"),
        ("HUB_TIMEOUT", "inf", "between"),
        ("UPLOAD_MEGABYTES", "-1", "between"),
        ("IMAGE_MEGAPIXELS", "1e9", "between"),
        ("THREADS", "-2", "between"),
        ("IMAGES", "", "empty"),
        ("PASSWORD", "  ", "empty"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        load_settings({PREFIX + name: value})

    assert PREFIX + name in str(refused.value)


def test_a_misspelt_variable_is_refused_and_the_right_ones_are_named() -> None:
    with pytest.raises(SettingsError, match=r"IMAGE_SEARCH_PASWORD.*IMAGE_SEARCH_PASSWORD"):
        load_settings({"IMAGE_SEARCH_PASWORD": "secret"})


def test_a_folder_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="folder"):
        load_settings({"IMAGE_SEARCH_CACHE": str(tmp_path)})


def test_the_cache_and_its_companion_folder_have_different_names() -> None:
    with pytest.raises(SettingsError, match=r"\.files"):
        load_settings({"IMAGE_SEARCH_CACHE": "index.files"})

    assert Settings(cache=Path("a/index.pkl")).state_dir == Path("a/index.files")


def test_no_thread_count_means_one_per_core() -> None:
    assert Settings().workers >= 1
    assert Settings(threads=3).workers == 3
