"""The guide's program, copied from the page, works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tornwrite.faults.strace import probe_strace

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "program.md"
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)
def test_the_driver_and_the_subject_of_the_guide_work_and_are_found_wanting(tmp_path: Path) -> None:
    driver, subject = BLOCKS
    (tmp_path / "values_driver.py").write_text(driver, encoding="utf-8")
    (tmp_path / "my_subject.py").write_text(subject.replace('"python3"', f'"{sys.executable}"'))
    command = [sys.executable, "-P", "-m", "tornwrite", "gate", "my_subject.py:values"]
    command += ["--scenario", "put", "--profile", "kill", "--profile", "ext4"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "lost: an acknowledged change is gone" in run.stdout
