from pathlib import Path

from deploy.embedded.mail import Catcher


def test_a_folder_of_mails_is_its_owner_s_alone(tmp_path: Path) -> None:
    Catcher(tmp_path / "mail")

    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
