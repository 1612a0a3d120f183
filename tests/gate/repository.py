"""A repository of baselines, whose commits are the same every time."""

import os
import subprocess
from pathlib import Path

from messenger.gate.baseline import Baseline, format_baseline
from messenger.gate.store import baseline_path

_WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in {"NAME": "a", "EMAIL": "a@b"}.items()
}


class Repository:
    """Accepts baselines one a day, from the first of November on."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self._day = root, root / "baselines", 0
        root.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        (root / "pyproject.toml").write_text("")
        self.commit()

    def git(self, *arguments: str | Path) -> str:
        date = {f"GIT_{role}_DATE": f"{self.today} +0000" for role in ("AUTHOR", "COMMITTER")}
        neutral = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-C", self.root, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | neutral | _WHO | date,
        )
        return done.stdout.strip()

    @property
    def today(self) -> str:
        return f"2026-11-{self._day:02}T12:00:00"

    def commit(self) -> str:
        """Commit everything, on the next day."""
        self._day += 1
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "work")
        return self.git("rev-parse", "HEAD")

    def accept(self, *baselines: Baseline) -> str:
        """Commit *baselines* as measured on that day."""
        self._day += 1
        self.write(*baselines)
        self._day -= 1
        return self.commit()

    def write(self, *baselines: Baseline) -> None:
        for baseline in baselines:
            path = baseline_path(self.folder, baseline)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = format_baseline(baseline).replace(baseline.date, f"{self.today}+00:00")
            path.write_text(text, encoding="utf-8")
