import logging

from streams.logs import RepetitionFilter

LOST = "Unable connect to node with id 1"


def what_is_printed(
    moments: list[tuple[float, str]], filtering: RepetitionFilter | None = None
) -> list[str]:
    """Return the lines that come of texts logged at these seconds."""
    filtering = filtering or RepetitionFilter()
    lines = []
    for second, text in moments:
        record = logging.LogRecord("aiokafka", logging.ERROR, "client.py", 1, "%s", (text,), None)
        record.created = 1_700_000_000 + second
        if filtering.filter(record):
            lines.append(record.getMessage())
    return lines


def test_a_text_is_said_once_in_ten_seconds_with_how_many_were_left_out() -> None:
    assert what_is_printed([(second / 30, LOST) for second in range(330)]) == [
        LOST,
        f"{LOST} (299 more like this were left out)",
    ]


def test_other_texts_are_said_at_once() -> None:
    assert what_is_printed([(0, LOST), (0.1, "another"), (0.2, LOST)]) == [LOST, "another"]


def test_a_text_that_comes_seldom_is_left_as_it_is() -> None:
    assert what_is_printed([(0, LOST), (11, LOST), (22, LOST)]) == [LOST, LOST, LOST]


def test_texts_that_are_never_repeated_do_not_pile_up() -> None:
    filtering = RepetitionFilter()

    what_is_printed([(20.0 * number, f"text {number}") for number in range(3_000)], filtering)

    assert len(filtering._said) <= 1_000
