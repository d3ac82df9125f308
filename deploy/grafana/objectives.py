"""Is what was promised kept, and how much may still go wrong?"""

from typing import Final

from deploy.grafana.panels import Colour, Dashboard, Kind, Panel, Promql, Section, Steps

_PACES: Final = Steps(Colour.GOOD, ((1, Colour.DOUBTFUL), (6, Colour.BAD)))
_REMAINING: Final = Steps(Colour.BAD, ((0, Colour.DOUBTFUL), (0.25, Colour.GOOD)))


def _objective(slo: str, *, title: str, legend: str, good: str) -> Section:
    chosen = f'{{slo="{slo}"}}'
    budget = f"on (slo) group_left () slo:smatrix_budget:ratio{chosen}"
    return Section(
        title=title,
        panels=(
            Panel(
                title="Budget that is left",
                kind=Kind.STAT,
                width=4,
                unit="percentunit",
                steps=_REMAINING,
                meaning="Of 30 days. Below nought more was used than there was.",
                queries=(
                    Promql(f"slo:smatrix_budget_remaining:ratio{chosen}", legend, newest_only=True),
                ),
            ),
            Panel(
                title="Kept over 30 days",
                kind=Kind.STAT,
                width=4,
                unit="percentunit",
                meaning=good,
                queries=(
                    Promql(f"1 - slo:smatrix_error:ratio_30d{chosen}", legend, newest_only=True),
                ),
            ),
            Panel(
                title="Pace at which the budget goes",
                kind=Kind.SERIES,
                width=8,
                steps=_PACES,
                shows_steps=True,
                meaning="1 uses it up in 30 days. Pages ring at 14.4 over an hour, or 6 over six.",
                queries=(
                    Promql(f"slo:smatrix_error:ratio_1h{chosen} / {budget}", f"1 h {legend}"),
                    Promql(f"slo:smatrix_error:ratio_6h{chosen} / {budget}", f"6 h {legend}"),
                    Promql(f"slo:smatrix_error:ratio_3d{chosen} / {budget}", f"3 d {legend}"),
                ),
            ),
            Panel(
                title="Budget that is left, over time",
                kind=Kind.SERIES,
                width=8,
                unit="percentunit",
                lowest=None,
                meaning="It falls in trouble, and grows again when trouble is 30 days old.",
                queries=(Promql(f"slo:smatrix_budget_remaining:ratio{chosen}", legend),),
            ),
        ),
    )


DASHBOARD: Final = Dashboard(
    uid="smatrix-objectives",
    title="Objectives",
    meaning="Two objectives over 30 days; docs/runbooks.md says what they mean.",
    range="7d",
    sections=(
        _objective(
            "freshness",
            title="Freshness: ready and less than 60 s behind, 99.5 % of the time",
            legend="{{job}}",
            good="Share of the time in which the role was fresh.",
        ),
        Section(
            title="When it was not fresh",
            height=5,
            panels=(
                Panel(
                    title="Fresh",
                    kind=Kind.STATES,
                    steps=Steps(Colour.BAD, ((1, Colour.GOOD),)),
                    names={0: "not fresh", 1: "fresh"},
                    meaning="By role.",
                    queries=(Promql("job:smatrix_fresh:bool", "{{job}}"),),
                ),
            ),
        ),
        _objective(
            "refused",
            title="Refused: at most 1 % of the frames",
            legend="refused",
            good="Share of the frames of which no rule refused anything.",
        ),
    ),
)
