"""One scenario of several lanes, in several orders of turns."""

from dataclasses import replace

from tornwrite.scenarios.subject import Scenario


def seeded(scenario: Scenario, *seeds: int) -> tuple[Scenario, ...]:
    """The scenario once for each seed, which is in its name then."""
    return tuple(replace(scenario, name=f"{scenario.name}-{seed}", seed=seed) for seed in seeds)
