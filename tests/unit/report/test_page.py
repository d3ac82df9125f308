import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from typing_extensions import override

from deploy.report.page import write_report
from tests.unit.report.builders import STRANGE_METER, a_result, samples

pytestmark = pytest.mark.slow


class Elements(HTMLParser):
    """Collects the page's elements, and its words outside of styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._in_style = False
        self.feed(page)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    @override
    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    @override
    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.words.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def references(self) -> Iterator[str]:
        for _, name, value in self.attributes:
            if name in {"src", "href", "xlink:href", "srcset", "data", "poster", "action"}:
                yield value
            yield from re.findall(r"url\(['\"]?([^)'\"]*)", value)


@pytest.fixture(scope="module")
def page(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("out")
    write_report(folder, a_result(), client, "smatrix", samples())
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    return (folder / "report.html").read_text()


def written(folder: Path, client: Client, **changes: object) -> str:
    result = a_result().model_copy(update=changes)
    write_report(folder, result, client, "empty", [])
    return Elements((folder / "report.html").read_text()).text()


@pytest.mark.parametrize(
    "figure",
    [
        "Communities 41",
        "Households 2,003",
        "Minutes 1,439",
        "Seed 7001",
        "Frames sent 58,199",
        "Readings sent 2,903,668",
        "Readings/s end to end 204,484",
        "Duplicates 581 frames",
        "Reordered 1,171 frames",
        "Late 601 frames",
        "Lost 291 frames",
        "Lost 14,550 readings",
        "Corrected 309 frames",
        "Corrected 9,168 readings",
        "Invalid 288 readings",
        "Rejected, in ClickHouse 287 readings",
        "Minutes of communities 57,600",
        "Periods of households 192,001",
        "Changes of autarky 1,234",
        "negative_energy 280",
        "over_cap 7",
        "2 of 3 breakdowns got a ticket, 1 were cleared",
        "Terminals silent 2",
        "Meters that sent nonsense 1",
        "Tickets opened, and opened again 4",
        "Tickets about nothing 0",
        "Rows compared 192,345",
        "Difference 0 mWh",
        "Play the day 12.1 s",
        "Compare 1.4 s",
        "First frame to last period 14.2 s",
        "Faust 0.15.3",
        "ClickHouse 26.9.1",
        "Machine 2 cores",
        "1 January 2026, 00:00 to 1 January 2026, 23:59 UTC",
    ],
)
def test_the_page_tells(page: str, figure: str) -> None:
    assert figure in Elements(page).text()


def test_every_picture_is_there_with_what_to_see(page: str) -> None:
    text = Elements(page).text()

    assert "The grid Consumption peaks 1.2 kW at 00:00, the roofs 1 kW at 10:00" in text
    assert "they make 14% of what is used, and 20% of what they make is exported" in text
    assert "One community Community c1" in text
    assert "its battery stores 2.4 kWh" in text
    assert "Each line is a household" in text
    assert "1 households had an hour that needed no grid; 1,234 changes" in text
    assert "at most 8 frames waited" in text
    assert "the ticket was opened 3 to 5 min after the first minute" in text
    assert page.count("<svg") == 2 * 7


def test_nothing_outside_of_the_page_is_referenced(page: str) -> None:
    elements = Elements(page)

    assert all(reference.startswith(("#", "data:")) for reference in elements.references())
    assert "://" not in page
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_every_reference_has_its_one_target(page: str) -> None:
    elements = Elements(page)
    ids = Counter(value for _, name, value in elements.attributes if name == "id")
    targets = {ref[1:] for ref in elements.references() if ref.startswith("#")}

    assert ids.most_common(1)[0][1] == 1
    assert targets
    assert targets <= set(ids)


def test_pictures_take_the_pages_colors(page: str) -> None:
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))

    for quantity in ("consumption", "production", "import", "export", "battery", "ink"):
        assert f"var(--{quantity})" in pictures
    assert not re.findall(r"(?:fill|stroke): #", pictures)


def test_names_from_outside_stay_text(page: str) -> None:
    assert escape(STRANGE_METER) in page
    assert "<script" not in page


def test_equal_runs_make_equal_pages(page: str, client: Client, tmp_path: Path) -> None:
    write_report(tmp_path, a_result(), client, "smatrix", samples())

    assert (tmp_path / "report.html").read_text() == page


def test_a_run_that_stored_nothing_is_told_all_the_same(client: Client, tmp_path: Path) -> None:
    text = written(tmp_path, client, rows_compared=0, breakdowns=())

    assert "Not compared." in text
    assert "there is nothing to draw" in text


def test_differences_are_told_first(client: Client, tmp_path: Path) -> None:
    text = written(
        tmp_path,
        client,
        rows_differing=2,
        difference_mwh=1_234,
        first_differences=("c1 <m1> 00:15 import_mwh 5 6",),
    )

    assert "Not exact. 2 of 192,345 household quarter-hours differ" in text
    assert "together by 1,234 mWh. c1 <m1> 00:15 import_mwh 5 6" in text


def test_a_failure_leaves_the_old_report(client: Client, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("the old report")

    with pytest.raises(DatabaseError):
        write_report(tmp_path, a_result(), client, "no_such_database", samples())

    assert (tmp_path / "report.html").read_text() == "the old report"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
