import subprocess
import sys
from pathlib import Path

CALLED = """
from streams.compiled import compiled
NUMBER = {number}
@compiled
def called(of: int) -> int:
    return of + {added}
"""
CALLER = """
from called import NUMBER, called
from streams.compiled import compiled
@compiled
def caller(of: int) -> int:
    return called(of) * NUMBER
print(caller(1), caller.stats.cache_hits)
"""


def run(folder: Path, *, added: int, number: int) -> str:
    (folder / "called.py").write_text(CALLED.format(added=added, number=number))
    (folder / "caller.py").write_text(CALLER)
    program = "import sys; sys.path.insert(0, sys.argv[1]); import caller"
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_what_was_compiled_is_kept_until_something_that_it_names_has_changed(
    tmp_path: Path,
) -> None:
    assert run(tmp_path, added=1, number=10) == "20 Counter()"
    assert run(tmp_path, added=1, number=10).startswith("20 Counter({")

    assert run(tmp_path, added=2, number=10) == "30 Counter()"
    assert run(tmp_path, added=2, number=100) == "300 Counter()"
