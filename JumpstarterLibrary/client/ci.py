"""Tags and context of a lease from the variables of CI systems, so that all users see which run holds a board.

Only a fixed list of variables is read, none of which holds a secret; user names and queries are taken out of URLs.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

TAGS = 10
"""Tags that a controller takes for one lease."""
TAG_LENGTH = 63

ENTRIES = 8
"""Entries of context that a controller takes for one lease."""
KEY_LENGTH = 32
VALUE_LENGTH = 64

COMMIT_LENGTH = 12
"""Characters of a commit in a tag."""

_WORKER = ("PYTEST_XDIST_WORKER", "PABOTEXECUTIONPOOLID")
"""pabot hands its number on as a Robot variable only; a wrapper may put it into the environment."""
_USER = ("USER", "LOGNAME", "USERNAME")


@dataclass(frozen=True)
class _System:
    """A CI system.

    Attributes:
        name: Its name in tags.
        sign: The variable by which it is known.
        variables: For each fact, the variables that may hold it, the best one first.
    """

    name: str
    sign: str
    variables: Mapping[str, tuple[str, ...]]


_SYSTEMS = (
    _System(
        "github",
        "GITHUB_ACTIONS",
        {
            "project": ("GITHUB_REPOSITORY",),
            "run": ("GITHUB_RUN_ID",),
            "attempt": ("GITHUB_RUN_ATTEMPT",),
            "job": ("GITHUB_JOB",),
            "branch": ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
            "commit": ("GITHUB_SHA",),
            "user": ("GITHUB_ACTOR",),
        },
    ),
    _System(
        "gitlab",
        "GITLAB_CI",
        {
            "project": ("CI_PROJECT_PATH",),
            "run": ("CI_PIPELINE_ID",),
            "job": ("CI_JOB_NAME",),
            "branch": ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
            "commit": ("CI_COMMIT_SHA",),
            "user": ("GITLAB_USER_LOGIN",),
            "url": ("CI_JOB_URL", "CI_PIPELINE_URL"),
        },
    ),
    _System(
        "jenkins",
        "JENKINS_URL",
        {
            "project": ("JOB_NAME",),
            "run": ("BUILD_NUMBER",),
            "job": ("STAGE_NAME",),
            "branch": ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
            "commit": ("GIT_COMMIT",),
            "user": ("BUILD_USER_ID", "CHANGE_AUTHOR"),
            "url": ("BUILD_URL",),
        },
    ),
    _System("other", "BUILD_URL", {"run": ("BUILD_NUMBER", "BUILD_ID"), "url": ("BUILD_URL",)}),
    _System("other", "CI", {}),
)

_TAGGED = ("ci", "project", "run", "job", "worker", "user", "branch", "commit", "host")
_NOTED = ("ci", "url", "run", "job", "worker", "branch", "commit", "host", "user", "project", "attempt")


def ci_tags(
    environ: Mapping[str, str] = os.environ, *, worker: str | None = None, at_most: int = TAGS
) -> dict[str, str]:
    """Return tags for a lease: which run of which project, where and for which user, as far as the environment says.

    Keys and values are valid labels; what is not allowed in a label becomes a hyphen.

    Args:
        environ: Where the variables are looked up.
        worker: Which of several parallel workers this is. Default: what pytest-xdist says.
        at_most: How many tags there may be; the least telling ones are left out.
    """
    facts = _facts(environ, worker)
    facts["commit"] = facts.get("commit", "")[:COMMIT_LENGTH]
    tags = {key: label_value(facts.get(key, "")) for key in _TAGGED}
    return dict([(key, value) for key, value in tags.items() if value][: max(at_most, 0)])


def ci_context(environ: Mapping[str, str] = os.environ, *, worker: str | None = None) -> dict[str, str]:
    """Return context for a lease: the same facts as texts, with the run's URL if it is short enough.

    Args:
        environ: Where the variables are looked up.
        worker: Which of several parallel workers this is. Default: what pytest-xdist says.
    """
    facts = _facts(environ, worker)
    facts["url"] = _url(facts.get("url", ""))
    entries = {key: _printable(facts.get(key, ""))[:VALUE_LENGTH] for key in _NOTED}
    return dict([(key, value) for key, value in entries.items() if value][:ENTRIES])


def label_value(text: str) -> str:
    """Return the text that comes nearest to a text and may be a label's value; perhaps an empty one."""
    allowed = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    return re.sub(r"^[._-]+", "", allowed)[:TAG_LENGTH].rstrip("._-")


def _facts(environ: Mapping[str, str], worker: str | None) -> dict[str, str]:
    facts: dict[str, str] = {}
    system = next((one for one in _SYSTEMS if _is_set(environ.get(one.sign))), None)
    if system is not None:
        facts["ci"] = system.name
        facts.update({key: _first(environ, names) for key, names in system.variables.items()})
        if system.name == "github":
            facts["url"] = _github_url(environ)
    facts["user"] = facts.get("user") or _first(environ, _USER)
    facts["host"] = environ.get("HOSTNAME") or platform.node()
    facts["worker"] = worker or _first(environ, _WORKER)
    return facts


def _is_set(value: str | None) -> bool:
    return bool(value) and str(value).lower() not in ("false", "0")


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _github_url(environ: Mapping[str, str]) -> str:
    parts = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""


def _url(text: str) -> str:
    """Return a URL without user, password and query; without its scheme if it is too long; empty if still so."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    short = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    return next((url for url in (f"{parts.scheme}://{short}", short) if len(url) <= VALUE_LENGTH), "")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()
