"""Tags and context from CI variables."""

from __future__ import annotations

import re

import pytest

from JumpstarterLibrary.client.ci import ci_context, ci_tags, label_value

GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/board-tests",
    "GITHUB_RUN_ID": "1234567890",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_JOB": "smoke",
    "GITHUB_REF_NAME": "feature/usb 3",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_ACTOR": "dependabot[bot]",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_TOKEN": "hunter2",
    "USER": "runner",
    "HOSTNAME": "fv-az1-2",
}
GITLAB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "acme/firmware/tests",
    "CI_PIPELINE_ID": "77",
    "CI_JOB_NAME": "test: [rpi4, 1]",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_SHA": "fedcba9876543210",
    "GITLAB_USER_LOGIN": "ada",
    "CI_JOB_URL": "https://gitlab.example.com/acme/-/jobs/9",
    "CI_JOB_TOKEN": "hunter2",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:hunter2@gitlab.example.com/acme.git",
    "HOSTNAME": "runner-1",
}
JENKINS = {
    "JENKINS_URL": "https://jenkins.example.com/",
    "JOB_NAME": "acme/nightly",
    "BUILD_NUMBER": "42",
    "STAGE_NAME": "Flash & boot",
    "GIT_BRANCH": "origin/main",
    "GIT_COMMIT": "abc123",
    "BUILD_URL": "https://me:hunter2@jenkins.example.com/job/acme/42/?token=hunter2#top",
    "USER": "jenkins",
    "HOSTNAME": "agent-3",
}


def test_github() -> None:
    assert ci_tags(GITHUB) == {
        "ci": "github",
        "project": "acme-board-tests",
        "run": "1234567890",
        "job": "smoke",
        "user": "dependabot-bot",
        "branch": "feature-usb-3",
        "commit": "0123456789ab",
        "host": "fv-az1-2",
    }
    assert ci_context(GITHUB) == {
        "ci": "github",
        "url": "https://github.com/acme/board-tests/actions/runs/1234567890",
        "run": "1234567890",
        "job": "smoke",
        "branch": "feature/usb 3",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "host": "fv-az1-2",
        "user": "dependabot[bot]",
    }


def test_the_branch_of_a_pull_request() -> None:
    assert ci_tags({**GITHUB, "GITHUB_HEAD_REF": "fix", "GITHUB_REF_NAME": "12/merge"})["branch"] == "fix"


def test_gitlab() -> None:
    assert ci_tags(GITLAB) == {
        "ci": "gitlab",
        "project": "acme-firmware-tests",
        "run": "77",
        "job": "test-rpi4-1",
        "user": "ada",
        "branch": "main",
        "commit": "fedcba987654",
        "host": "runner-1",
    }
    assert ci_context(GITLAB)["url"] == "https://gitlab.example.com/acme/-/jobs/9"


def test_jenkins() -> None:
    assert ci_tags(JENKINS) == {
        "ci": "jenkins",
        "project": "acme-nightly",
        "run": "42",
        "job": "Flash-boot",
        "user": "jenkins",
        "branch": "origin-main",
        "commit": "abc123",
        "host": "agent-3",
    }
    assert ci_context(JENKINS)["url"] == "https://jenkins.example.com/job/acme/42/"


@pytest.mark.parametrize("environ", [GITHUB, GITLAB, JENKINS], ids=["github", "gitlab", "jenkins"])
def test_no_secret_gets_in(environ: dict[str, str]) -> None:
    assert "hunter2" not in f"{ci_tags(environ)} {ci_context(environ)}"


def test_some_other_system() -> None:
    environ = {"BUILD_URL": "http://ci/7", "BUILD_NUMBER": "7", "HOSTNAME": "h"}
    assert ci_tags(environ) == {"ci": "other", "run": "7", "host": "h"}
    assert ci_context(environ) == {"ci": "other", "url": "http://ci/7", "run": "7", "host": "h"}
    assert ci_tags({"CI": "1", "HOSTNAME": "h"}) == {"ci": "other", "host": "h"}


@pytest.mark.parametrize("environ", [{}, {"CI": "false"}, {"CI": "0"}, {"CI": ""}, {"GITHUB_ACTIONS": "false"}])
def test_a_desk(environ: dict[str, str]) -> None:
    environ = {**environ, "LOGNAME": "ada", "HOSTNAME": "desk.example.com"}
    assert ci_tags(environ) == {"user": "ada", "host": "desk.example.com"}
    assert ci_context(environ) == {"user": "ada", "host": "desk.example.com"}


def test_the_host_is_asked_where_the_environment_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "node-5")
    assert ci_tags({}) == {"host": "node-5"}


def test_parallel_workers() -> None:
    xdist = {"PYTEST_XDIST_WORKER": "gw3", "HOSTNAME": "h"}
    assert ci_tags(xdist) == {"worker": "gw3", "host": "h"}
    assert ci_context(xdist) == {"worker": "gw3", "host": "h"}
    assert ci_tags({"PABOTEXECUTIONPOOLID": "1", "HOSTNAME": "h"})["worker"] == "1"
    assert ci_tags(xdist, worker="pabot-2")["worker"] == "pabot-2"


def test_the_limits_of_a_controller() -> None:
    long = {name: f"-é{'x' * 500}-" if name not in ("CI", "GITHUB_ACTIONS") else "true" for name in GITHUB}
    for environ in (GITHUB, GITLAB, JENKINS, long):
        everything = {**environ, "PYTEST_XDIST_WORKER": "gw0"}
        tags, context = ci_tags(everything), ci_context(everything)
        assert 0 < len(tags) <= 10
        assert all(re.fullmatch(r"[a-z]{1,63}", key) for key in tags)
        assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value) for value in tags.values())
        assert 0 < len(context) <= 8
        assert all(len(key) <= 32 and 0 < len(value) <= 64 for key, value in context.items())


def test_the_least_telling_tags_are_left_out() -> None:
    assert ci_tags(GITHUB, at_most=3) == {"ci": "github", "project": "acme-board-tests", "run": "1234567890"}
    assert ci_tags(GITHUB, at_most=0) == ci_tags(GITHUB, at_most=-1) == {}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ci.example.com/" + "a" * 41, "https://ci.example.com/" + "a" * 41),
        ("https://ci.example.com/" + "a" * 42, "ci.example.com/" + "a" * 42),
        ("https://ci.example.com/" + "a" * 50, None),
        ("http://[::1", None),
        ("ftp://ci/7", None),
        ("javascript:alert(1)", None),
        ("not a url", None),
    ],
)
def test_urls(url: str, kept: str | None) -> None:
    assert ci_context({"BUILD_URL": url, "HOSTNAME": "h"}).get("url") == kept


def test_control_characters_do_not_get_into_the_context() -> None:
    environ = {"CI": "1", "USER": "a\nb\x1b[31m\t", "HOSTNAME": " h "}
    assert ci_context(environ) == {"ci": "other", "host": "h", "user": "ab[31m"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("main", "main"),
        ("v1.2_3-rc", "v1.2_3-rc"),
        ("feature/x", "feature-x"),
        ("a  /\\ b", "a-b"),
        ("--a--", "a"),
        ("..", ""),
        ("", ""),
        ("ünï", "n"),
        ("x" * 62 + "/y", "x" * 62),
        ("x" * 63 + "y", "x" * 63),
    ],
)
def test_label_values(text: str, value: str) -> None:
    assert label_value(text) == value
