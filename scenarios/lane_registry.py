"""The fault lanes that there are, in the order in which the gate runs them."""

from tornwrite.scenarios.damage.lane import DAMAGE
from tornwrite.scenarios.disks.full_disk import FULL_DISK
from tornwrite.scenarios.disks.other_systems import OTHER_SYSTEMS
from tornwrite.scenarios.error_lane import ERRORS
from tornwrite.scenarios.fault_lanes import FaultLane
from tornwrite.scenarios.interleavings.lane import INTERLEAVINGS
from tornwrite.scenarios.recovery_crashes.lane import RECOVERY_CRASHES
from tornwrite.scenarios.subject import WrongUse

FAULT_LANES: tuple[FaultLane, ...] = (
    INTERLEAVINGS,
    ERRORS,
    FULL_DISK,
    OTHER_SYSTEMS,
    RECOVERY_CRASHES,
    DAMAGE,
)


def lanes_named(names: tuple[str, ...]) -> tuple[FaultLane, ...]:
    """The lanes of those names. Raises WrongUse for one that there is not."""
    known = {lane.name: lane for lane in FAULT_LANES}
    for name in names:
        if name not in known:
            raise WrongUse(f"there is no fault lane {name!r}; there are {', '.join(known)}")
    return tuple(lane for name, lane in known.items() if name in names)
