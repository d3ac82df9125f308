"""How every picture looks: one colour for each quantity, in the page's light and dark."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

# Okabe and Ito's colours, which people with any colour blindness can tell apart.
COLORS: Final = {
    "consumption": "#0072b2",
    "production": "#e69f00",
    "import": "#b0579b",
    "export": "#009e73",
    "battery": "#d55e00",
    "ink": "#1b1f23",
    "muted": "#6b7480",
    "rule": "#d9dde2",
}
"""By quantity, and for writing and lines; the page has a variable of the same name for each."""

_RC: Final[dict[RcKeyType, Any]] = {
    "svg.fonttype": "none",  # Letters stay letters: small, sharp, and in the page's fonts.
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": COLORS["ink"],
    "text.parse_math": False,
    "axes.edgecolor": COLORS["muted"],
    "axes.labelcolor": COLORS["muted"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": COLORS["rule"],
    "grid.linewidth": 0.8,
    "xtick.color": COLORS["muted"],
    "ytick.color": COLORS["muted"],
    "xtick.major.size": 0,
    "xtick.major.pad": 7,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.handlelength": 1.1,
    "legend.borderaxespad": 0.0,
    "legend.borderpad": 0.2,
    "legend.columnspacing": 1.4,
    "lines.solid_joinstyle": "miter",
}

_NO_METADATA: Final = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_NAMESPACES: Final = re.compile(r'\s+xmlns(:\w+)?="[^"]*"')


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A page's width to draw for."""

    name: str
    width_in: float

    @property
    def is_narrow(self) -> bool:
        """Return whether there is only room for few ticks and short labels."""
        return self.width_in < 6  # noqa: PLR2004 - inches


WIDE: Final = Layout(name="wide", width_in=9.6)
NARROW: Final = Layout(name="narrow", width_in=4.4)


def as_svg(name: str, layout: Layout, draw: Callable[[Figure, Layout], None]) -> Markup:
    """Return a drawing as an SVG element for an HTML page; equal drawings give equal text.

    Its colours are the page's variables, so it follows the page from light to dark.

    Args:
        name: part of the element's ids, which must differ between the pictures of a page.
        layout: the width to draw for.
        draw: fills an empty figure of that width, and sets its height.
    """
    with mpl.rc_context({**_RC, "svg.hashsalt": f"{name}-{layout.name}"}):
        figure = Figure(figsize=(layout.width_in, 4), layout="constrained")
        figure.patch.set_alpha(0)
        FigureCanvasSVG(figure)
        draw(figure, layout)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=_NO_METADATA)
    svg = text.getvalue()
    # HTML has neither prologue nor namespaces.
    svg = _NAMESPACES.sub("", svg[svg.index("<svg") :])
    for quantity, color in COLORS.items():
        svg = svg.replace(color, f"var(--{quantity})")
    for reference in ('id="', '"#', "(#"):
        svg = svg.replace(reference, f"{reference}{name}-{layout.name}-")
    return Markup(svg)  # noqa: S704 - matplotlib escapes what it writes
