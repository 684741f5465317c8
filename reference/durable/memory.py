"""What is remembered of the sessions that were used last, so as not to find it out again."""

from typing import Generic, TypeVar

_Fact = TypeVar("_Fact")
EACH = 16


class ShardMemory(Generic[_Fact]):
    """A fact for each of the last few sessions of a shard; the shard's lock guards it.

    Forgetting costs a look at the disk or a sync, never a wrong answer.

    Args:
        shards: how many shards there are. Each remembers 16 sessions.
    """

    def __init__(self, shards: int) -> None:
        self._facts: tuple[dict[str, _Fact], ...] = tuple({} for _ in range(shards))

    def __len__(self) -> int:
        return sum(map(len, self._facts))

    def get(self, shard: int, name: str) -> _Fact | None:
        return self._facts[shard].get(name)

    def remember(self, shard: int, name: str, fact: _Fact) -> None:
        facts = self._facts[shard]
        facts.pop(name, None)
        facts[name] = fact
        if len(facts) > EACH:
            del facts[next(iter(facts))]

    def forget(self, shard: int, name: str) -> None:
        self._facts[shard].pop(name, None)
