"""What the JSONL store holds in the directory of a session manager that stands in for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tornwrite.reference.durable.damage import Damage
from tornwrite.reference.jsonl.merging import SavedSession
from tornwrite.reference.jsonl.names import hashed_name, is_claimable, lossy_name


@dataclass(frozen=True, slots=True)
class Beside:
    """The sessions of the JSONL store, durable as they are here.

    Attributes:
        sessions: those whose key is known, by key.
        nobodys: those whose metadata is lost or damaged, by the name that their files begin with.
            As in the JSONL store they are shown for every key that could have the name, and belong
            to the first that is written to.
        unread_keys: keys of sessions that could not be read, with the damage.
        unread_names: the same of sessions whose keys could not be read either.
    """

    sessions: Mapping[str, SavedSession] = field(default_factory=dict)
    nobodys: Mapping[str, SavedSession] = field(default_factory=dict)
    unread_keys: Mapping[str, Damage] = field(default_factory=dict)
    unread_names: Mapping[str, Damage] = field(default_factory=dict)

    @property
    def damage(self) -> tuple[Damage, ...]:
        """Why sessions could not be read."""
        return *self.unread_keys.values(), *self.unread_names.values()

    def unread(self, key: str) -> Damage | None:
        """Why a key's session could not be read; None if that is not so."""
        if key in self.unread_keys:
            return self.unread_keys[key]
        if key in self.sessions:
            return None
        found = (self.unread_names.get(name) for name in (hashed_name(key), lossy_name(key)))
        return next((damage for damage in found if damage is not None), None)

    def nobodys_names(self, key: str) -> Iterator[str]:
        """The names under which there is a session that the key may have, the best one first."""
        if key not in self.sessions:
            lossy = lossy_name(key)
            names = (hashed_name(key), lossy) if is_claimable(lossy) else (hashed_name(key),)
            yield from (name for name in names if name in self.nobodys)
