"""Keep one comment on a pull request up to date with what was measured of it.

Which pull request, says the event that started this workflow, and never what was measured. It is asked
of GitHub by `gh`, which takes its token from GH_TOKEN.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MARKER = "<!-- messenger-gate -->"
AUTHOR = "github-actions[bot]"
MOST_CHARACTERS = 65_536


def main(markdown: Path) -> None:
    """Write *markdown* as the comment of the pull request whose head was measured, unless that went on."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_bytes())["workflow_run"]
    repository = os.environ["GITHUB_REPOSITORY"]
    numbers = find_pull_requests(repository, run)
    if len(numbers) != 1:
        print(f"{len(numbers)} open pull requests have {run['head_sha']} as their head; nothing to say.")
        return
    link = f"{os.environ['GITHUB_SERVER_URL']}/{repository}/actions/runs/{int(run['id'])}"
    body = f"{MARKER}\n{markdown.read_text(encoding='utf-8')}\nMeasured in [this run]({link}).\n"
    if len(body) > MOST_CHARACTERS:
        sys.exit(f"the comment has {len(body)} characters, and GitHub takes {MOST_CHARACTERS}")
    existing = find_comment(repository, numbers[0])
    if existing is None:
        api("POST", f"repos/{repository}/issues/{numbers[0]}/comments", body=body)
    else:
        api("PATCH", f"repos/{repository}/issues/comments/{existing}", body=body)


def find_pull_requests(repository: str, run: dict[str, Any]) -> list[int]:
    """Name the open pull requests whose head is what *run* has measured."""
    head = run["head_repository"]
    asked = f"head={head['owner']['login']}:{run['head_branch']}"
    pulls = api("GET", f"repos/{repository}/pulls", "-f", asked, "-f", "state=open", "-f", "per_page=100")
    return [
        int(pull["number"])
        for pull in pulls
        # A deleted fork is null.
        if pull["head"]["sha"] == run["head_sha"] and (pull["head"]["repo"] or {}).get("id") == head["id"]
    ]


def find_comment(repository: str, number: int) -> int | None:
    """Return the comment that is ours: anybody may write the marker."""
    place = f"repos/{repository}/issues/{number}/comments"
    for page in api("GET", place, "-f", "per_page=100", "--paginate", "--slurp"):
        for comment in page:
            if comment["user"]["login"] == AUTHOR and comment["body"].startswith(MARKER):
                return int(comment["id"])
    return None


def api(method: str, path: str, *options: str, body: str | None = None) -> Any:
    """Ask GitHub, and return its answer."""
    command = ["gh", "api", "--method", method, path, *options, *(["--input", "-"] if body else [])]
    done = subprocess.run(
        command,
        input=json.dumps({"body": body}) if body else None,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,  # gh has said why
    )
    if done.returncode:
        sys.exit(f"gh api {method} {path} failed")
    return json.loads(done.stdout)


main(Path(sys.argv[1]))
