"""What a scenario came to: checks against the truth, for people and for programs."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field


class Check(BaseModel):
    """One thing that a scenario must show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    found: Annotated[str, Field(description="the figure, from the truth")]
    goal: str
    is_met: bool


class Verdict(BaseModel):
    """A finished scenario in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    scenario: str
    seed: int
    communities: int
    households: int
    minutes: int
    first_minute: int
    seconds: Annotated[float, Field(description="that the run took")]
    directives: Annotated[int, Field(description="that devices were given")]
    decisions: Annotated[
        str, Field(description="SHA-256 of all directives: equal for equal decisions")
    ]
    checks: tuple[Check, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Return whether every check is met, and there is one."""
        return bool(self.checks) and all(check.is_met for check in self.checks)
