"""A store whose changes take longer than anybody waits."""

import time

from support.key_values import PUT, KeyValueModel, RightStore
from tornwrite.scenarios.subject import Subject

MINUTE_S = 60.0


class SleepingStore(RightStore):
    """Sleeps before each change."""

    def put(self, key: str, value: str) -> None:
        time.sleep(MINUTE_S)
        super().put(key, value)


sleeping = Subject("a store that is slow", KeyValueModel(), SleepingStore, (PUT,))
