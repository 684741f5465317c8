"""A disk that is full at every byte: the old content or the new, never a part of it."""

import errno
import os

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem

from tornwrite.reference.durable import write_file_durably

OLD = b"the old content, which must not be lost"
NEW = b"the new content, longer than the old one was"


@pytest.mark.parametrize("free", range(len(NEW) + 2))
def test_replacing_a_file_on_a_disk_with_so_many_bytes_free_is_all_or_nothing(
    fs: FakeFilesystem, free: int
) -> None:
    fs.set_disk_usage(len(OLD) + free)
    fs.create_dir("/data")
    with open("/data/file", "wb") as file:
        file.write(OLD)
    if free < len(NEW):
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            write_file_durably("/data/file", NEW)
        expected = OLD
    else:
        write_file_durably("/data/file", NEW)
        expected = NEW
    with open("/data/file", "rb") as file:
        assert file.read() == expected
    assert fs.listdir("/data") == ["file"]
