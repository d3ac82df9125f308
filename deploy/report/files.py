"""Files that are there whole, or as they were before."""

import os
from pathlib import Path


def write_whole(path: Path, text: str, *, is_private: bool = False) -> None:
    """Replace a file, or make it and its folder; an interruption leaves the old file, or none.

    Args:
        path: Which file.
        text: All that it shall hold.
        is_private: Whether its owner alone may read it, from its first byte on and whoever could
            read the old one; else the umask decides.

    Raises:
        OSError: If the folder or the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, since a rename is only atomic within one file system.
    draft = path.with_name(f".{path.name}.part")
    # One that a killed run has left would keep its mode.
    draft.unlink(missing_ok=True)
    try:
        made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666)
        with os.fdopen(made, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
