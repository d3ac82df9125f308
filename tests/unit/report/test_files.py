from pathlib import Path

import pytest

from deploy.report.files import write_whole

CANT_BE_ENCODED = "half of it, and then \ud800"


def test_makes_the_folder_and_the_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "out" / "demo" / "page", "whole")

    assert (tmp_path / "out" / "demo" / "page").read_text() == "whole"


def test_replaces_an_old_file(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("a longer old text")

    write_whole(tmp_path / "page", "new")

    assert (tmp_path / "page").read_text() == "new"


def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "page", CANT_BE_ENCODED)

    assert (tmp_path / "page").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


@pytest.mark.parametrize("left_over", ["page", ".page.part"])
def test_what_is_private_is_its_owner_s_alone_though_others_could_read_the_old_one(
    tmp_path: Path, left_over: str
) -> None:
    (tmp_path / left_over).touch(mode=0o644)

    write_whole(tmp_path / "page", "whole", is_private=True)

    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o600


def test_a_draft_that_a_killed_run_has_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".page.part").write_text("half")

    write_whole(tmp_path / "page", "whole")

    assert [path.name for path in tmp_path.iterdir()] == ["page"]
