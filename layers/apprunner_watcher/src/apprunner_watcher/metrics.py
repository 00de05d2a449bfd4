"""Here you find what CloudWatch measured around the operation, minute by minute.

https://docs.aws.amazon.com/apprunner/latest/dg/monitor-cw.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Statistic = Literal["Maximum", "Sum"]
Unit = Literal["Percent", "Count", "Milliseconds"]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of the service: at least one point, the oldest first; what was not measured has none.

    CPU and memory are percentages of what an instance has (since August 2023; they were vCPUs and bytes before), the
    highest of all instances.
    """

    name: str
    statistic: Statistic
    unit: Unit
    points: tuple[tuple[datetime, float], ...]

    @property
    def highest(self) -> float:
        """The highest value."""
        return max(value for _, value in self.points)

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured. A metric without a single point is not in it: nothing may be concluded from that."""

    series: tuple[Series, ...] = ()

    def of(self, name: str) -> Series | None:
        """The metric of that name, as CloudWatch spells it: `MemoryUtilization`."""
        return next((one for one in self.series if one.name == name), None)
