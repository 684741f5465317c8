"""How long Hypothesis looks for a failure: settings for a quick run, for CI and for a soak.

They are registered with Hypothesis, so that a test suite can load one of them by name:

    settings.load_profile("tornwrite-ci")

Each of them keeps the examples that failed where Hypothesis always does, in `.hypothesis/examples`
of the current directory, and tries them first the next time.
"""

from hypothesis import HealthCheck, settings

_MANY_FILES = settings(
    # A step is judged at all its crash points: it takes as long as it takes.
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    # One at a time: to make one small takes long enough, and the next run tells of the next.
    report_multiple_bugs=False,
)

QUICK = settings(_MANY_FILES, max_examples=15, stateful_step_count=8)
"""Some seconds: while one is working on a store."""

CI = settings(_MANY_FILES, max_examples=60, stateful_step_count=12)
"""Some ten seconds: at each change."""

SOAK = settings(_MANY_FILES, max_examples=200, stateful_step_count=20)
"""One round of those that go on until the time is over."""

settings.register_profile("tornwrite-quick", QUICK)
settings.register_profile("tornwrite-ci", CI)
settings.register_profile("tornwrite-soak", SOAK)
