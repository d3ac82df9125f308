"""CSV files of an operator: read as text, line by line, what is wrong as faults."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from streams.domain.registry import Fault, RegistryError

Fields = dict[str, Any]


def text_of(path: Path) -> str:
    """Return a file's text.

    Raises:
        RegistryError: If it can't be read as text.
    """
    try:
        # Spreadsheets begin UTF-8 with a mark.
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path}: can't be read as text in UTF-8 ({error})") from error


def csv_lines(text: str, *, needed: str) -> Iterator[tuple[int, Fields | Fault]]:
    """Yield each line's number and its values by column, or what is wrong with it as CSV.

    `needed` is a column without which the first line is none that names columns.
    """
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        names = list(reader.fieldnames or [])
        if needed not in names:
            said = ",".join(names)
            yield 1, Fault(1, needed, said, "the first line must name the columns, this one too")
            return
        # Spreadsheets leave columns without a name, and without values, at the end.
        if twice := [name for name in names if name and names.count(name) > 1]:
            yield 1, Fault(1, twice[0], ",".join(names), "the first line names this column twice")
            return
        line = reader.line_num + 1
        for fields in reader:
            if None in fields:
                yield line, Fault(line, "", ",".join(fields[None]), "more values than columns")
            else:
                yield line, fields
            # A quoted text may go over several lines.
            line = reader.line_num + 1
    except csv.Error as error:
        line = reader.reader.line_num
        yield line, Fault(line, "", "", f"not CSV: {error}; the rest was not read")
