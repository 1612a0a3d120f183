"""A stand-in for a job on GitHub: reads workflows and actions, and runs the scripts that stand in them."""

import os
import re
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2] / ".github"
ACTION = ROOT / "actions" / "gate"
COMMENT = ROOT / "workflows" / "benchmark-comment.yml"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def read(path):
    return YAML(typ="safe").load(path)


def steps_of(path):
    document = read(path)
    jobs = document.get("jobs", {"action": document.get("runs", {})})
    return [step for job in jobs.values() for step in job.get("steps", [])]


def step_named(path, name):
    [step] = [step for step in steps_of(path) if step.get("name") == name]
    return step


def run(step, folder, values, **environment):
    """Run a step as GitHub does: expressions in `env` are replaced, and the script goes to its shell."""
    given = {
        key: _EXPRESSION.sub(lambda found: values[found[1]], text)
        for key, text in step.get("env", {}).items()
    }
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COLUMNS"))
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=inherited | {"GITHUB_ACTIONS": "true"} | environment | given,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
