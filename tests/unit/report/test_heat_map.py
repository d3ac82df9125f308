import numpy as np

from deploy.report.days import HouseholdHours
from deploy.report.heat_map import (
    MAX_LINES,
    colors_of,
    group_households,
    lines_are_means_of,
    shades_of,
)


def hours_of(net: list[list[float]], *, pv: list[bool], battery: list[bool]) -> HouseholdHours:
    return HouseholdHours(
        edges=3_600 * np.arange(len(net[0]) + 1),
        net=np.array(net),
        self_sufficiency=np.full((len(net), len(net[0])), np.nan),
        has_pv=np.array(pv),
        has_battery=np.array(battery),
    )


def test_households_stand_with_their_like_the_largest_importer_first() -> None:
    hours = hours_of(
        [[1.0], [-2.0], [5.0], [-1.0], [-3.0]],
        pv=[False, True, False, True, True],
        battery=[False, False, False, False, True],
    )

    groups = {label: members.tolist() for label, members in group_households(hours)}

    assert groups == {
        "without photovoltaics": [2, 0],
        "with photovoltaics": [3, 1],
        "with photovoltaics and battery": [4],
    }


def test_an_hour_without_a_reading_counts_as_nothing_in_the_order() -> None:
    hours = hours_of([[1.0, 1.0], [3.0, np.nan]], pv=[False] * 2, battery=[False] * 2)

    [(_, members)] = group_households(hours)

    assert members.tolist() == [1, 0]


def test_balance_and_the_unknown_have_no_color_and_more_has_more() -> None:
    strength = colors_of(np.array([0.0, np.nan, 0.1, 0.5, 1.0, 7.0, -1.0]))[:, 3]

    assert strength[:2].tolist() == [0, 0]
    assert 0 < strength[2] < strength[3] < strength[4]
    assert strength[4:].tolist() == [1, 1, 1]


def test_import_and_export_have_colors_of_their_own() -> None:
    imported, exported = colors_of(np.array([0.2, -0.2]))[:, :3]

    assert imported.tolist() != exported.tolist()


def test_the_more_the_sun_suffices_the_more_color_there_is_and_the_unknown_has_none() -> None:
    strength = shades_of(np.array([0.0, np.nan, 0.5, 1.0]))[:, 3]

    assert strength.tolist() == [0, 0, 0.5, 1]


def test_there_are_no_more_lines_than_can_be_seen() -> None:
    assert lines_are_means_of(MAX_LINES) == 1
    assert lines_are_means_of(MAX_LINES + 1) == 2
    assert lines_are_means_of(100_000) == 200
