"""Profiles that a user wrote in a pyproject.toml, and what is said of wrong ones."""

from pathlib import Path

import pytest

from tornwrite.faults.profile_files import ProfileFileError, user_profiles
from tornwrite.faults.profiles import EXT4, FsyncCommits, PowerLoss, SizeAfterData
from tornwrite.faults.project_file import ProjectFileError

FULL = """
[tool.tornwrite.profiles.mine]
summary = "our boxes"
names_in_order = true
rename_atomic = true
size_after_data = "into new blocks"
replace_waits_for_data = false
truncate_rewrite_flushes = false
fsync_commits = "own name"
barriers_in_flight = 1
program_page = 8192
erase_block = 16384
"""


def written(folder: Path, text: str) -> tuple[PowerLoss, ...]:
    (folder / "pyproject.toml").write_text(text)
    return user_profiles(str(folder))


def test_a_profile_is_written_with_the_names_and_the_words_of_its_rules(tmp_path: Path) -> None:
    (mine,) = written(tmp_path, FULL)
    assert mine == PowerLoss(
        "mine",
        "our boxes",
        names_in_order=True,
        rename_atomic=True,
        size_after_data=SizeAfterData.NEW_BLOCKS,
        replace_waits_for_data=False,
        truncate_rewrite_flushes=False,
        fsync_commits=FsyncCommits.OWN_NAME,
        barriers_in_flight=1,
        program_page=8192,
        erase_block=16384,
    )


def test_a_profile_may_begin_from_another_built_in_or_not(tmp_path: Path) -> None:
    first, second = written(
        tmp_path,
        """
        [tool.tornwrite.profiles.second]
        like = "first"
        rename_atomic = false
        [tool.tornwrite.profiles.first]
        like = "ext4"
        flush_honoured = false
        """,
    )
    assert (first.name, second.name) == ("second", "first")
    assert (first.names_in_order, first.flush_honoured, first.rename_atomic) == (True, False, False)
    assert second.rename_atomic
    assert second.summary == "like ext4, with other rules"
    assert second.size_after_data is EXT4.size_after_data


def test_the_nearest_file_that_has_a_table_of_ours_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(FULL)
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.other]\n")
    assert [one.name for one in user_profiles(str(inside))] == ["mine"]
    (inside / "pyproject.toml").write_text('[tool.tornwrite.profiles.near]\nlike = "xfs"\n')
    assert [one.name for one in user_profiles(str(inside))] == ["near"]


def test_without_any_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    monkeypatch.chdir(tmp_path)
    assert user_profiles() == ()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('like = "ext4"\nrename_atomc = true', "no rule 'rename_atomc'; do you mean rename_atomic"),
        ('like = "ext4"\nxyzzy = 1', "no rule 'xyzzy'; there are like, summary, names_in_order"),
        ('like = "ext4"\nrename_atomic = "yes"', 'rename_atomic must be true or false, not "yes"'),
        ('like = "ext4"\nbarriers_in_flight = true', "barriers_in_flight must be a whole number"),
        ('like = "ext4"\nsector = 1.5', "sector must be a whole number, not 1.5"),
        ('like = "ext4"\nsector = []', "sector must be a whole number, not a list"),
        (
            'like = "ext4"\nfsync_commits = "all"',
            'fsync_commits must be one of "nothing", "own name", "all earlier", "everything", '
            'not "all"',
        ),
        (
            'like = "ext4"\nsize_after_data = true',
            'size_after_data must be one of "no", "into new blocks", "yes", not true',
        ),
        ("names_in_order = true", 'rename_atomic is missing; give every rule .*like = "ext4"'),
        ('like = "ext4"\nsummary = 3', "summary must be text, not a number"),
        ("like = 3", "like must be the name of a profile, not a number"),
        ('like = "ntfs"', "no power loss 'ntfs' to begin from; there are ext3-journal, .*sdcard"),
        ('like = "kill"', "no power loss 'kill' to begin from"),
        ('like = "mine"', "like goes round in a circle: mine is like mine"),
        (
            'like = "ext4"\nsector = 1000',
            r"page \(4096 B\) must be a multiple of sector \(1000 B\)",
        ),
        ('like = "ext4"\nprogram_page = 5000', r"program_page \(5000 B\) must be 0 or a multiple"),
        ('like = "ext4"\nbarriers_in_flight = -1', r"barriers_in_flight \(-1\) must be 0 or more"),
        ('like = "posix"\nsizes_in_order = true', "sizes_in_order needs names_in_order"),
    ],
)
def test_a_wrong_key_is_named_with_its_file_and_table(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(ProfileFileError, match=said) as caught:
        written(tmp_path, f"[tool.tornwrite.profiles.mine]\n{table}\n")
    assert str(caught.value).startswith(
        f"{tmp_path}/pyproject.toml: [tool.tornwrite.profiles.mine]: "
    )


def test_a_circle_of_several_is_told_in_full(tmp_path: Path) -> None:
    text = '[tool.tornwrite.profiles]\na = {like = "b"}\nb = {like = "c"}\nc = {like = "b"}\n'
    with pytest.raises(ProfileFileError, match="circle: b is like c is like b"):
        written(tmp_path, text)


@pytest.mark.parametrize("name", ["ext4", "kill", "sdcard"])
def test_the_name_of_a_built_in_profile_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileFileError, match=rf"profiles.{name}\]: that is the name of a built"):
        written(tmp_path, f'[tool.tornwrite.profiles.{name}]\nlike = "xfs"\n')


def test_a_name_that_no_option_could_give_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileFileError, match="a name must not be empty, have commas"):
        written(tmp_path, '[tool.tornwrite.profiles."a,b"]\nlike = "xfs"\n')


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileFileError, match=r"profiles.mine\]: a profile must be a table"):
        written(tmp_path, "[tool.tornwrite.profiles]\nmine = 3\n")
    with pytest.raises(ProfileFileError, match=r"tool\.tornwrite\.profiles must be a table"):
        written(tmp_path, "[tool.tornwrite]\nprofiles = 3\n")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match=f"cannot read {tmp_path}/pyproject.toml"):
        written(tmp_path, "[tool\n")
    (tmp_path / "pyproject.toml").write_bytes(b"\xff")
    with pytest.raises(ProjectFileError, match="cannot read"):
        user_profiles(str(tmp_path))
