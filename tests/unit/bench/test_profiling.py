"""Samples of a profiler are put to stages; none is lost."""

from bench.profiling import by_stage, table

AGENT = "run (uvloop/loop.pyx);metering (agents/metering.py:90)"


def test_a_sample_belongs_to_the_stage_that_its_functions_name() -> None:
    found = by_stage(
        [
            f"{AGENT};decode (streams/codecs/frames.py:80);_scan (streams/codecs/frames.py:120) 3",
            f"{AGENT};decode (streams/codecs/frames.py:81) 2",
            f"{AGENT};fold (streams/domain/windows.py:99) 1",
            f"{AGENT} 4",
        ]
    )

    assert found == {
        "decode: the compiled scan": 3,
        "decode: frames of what it found": 2,
        "windows: fold, close, settle": 1,
        "the rest: event loop, metrics": 4,
    }


def test_the_table_adds_up_to_what_a_frame_costs() -> None:
    found = by_stage([f"{AGENT};fold (streams/domain/windows.py:99) 1", f"{AGENT} 3"])

    text = table(found, frame_us=40.0, head="Here.")

    assert "| windows: fold, close, settle | 25.0% | 10.0 | 200 |" in text
    assert "| all | 100 % | 40.0 | 800 |" in text
