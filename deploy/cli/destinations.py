"""Where commands write: what can't be written is found before the work that would be lost."""

from pathlib import Path
from tempfile import TemporaryFile

from streams.settings import ConfigurationError


def require_folder(named: str, folder: Path) -> None:
    """Make a folder where it is missing, and check that this user can write into it.

    Args:
        named: The option or setting that names it.
        folder: Which.

    Raises:
        ConfigurationError: If it can't be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"{named}: {folder} can't be written ({error.strerror}); name a folder of this user"
        ) from error


def require_file(named: str, file: Path) -> None:
    """Make a file's folder where it is missing, and check that this user can write the file.

    Raises:
        ConfigurationError: If it can't be.
    """
    require_folder(named, file.parent)
    if not file.exists():
        return
    try:
        # What is in it stays until there is something better.
        file.open("ab").close()
    except OSError as error:
        raise ConfigurationError(
            f"{named}: {file} can't be written ({error.strerror}); name another file"
        ) from error
