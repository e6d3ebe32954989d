from __future__ import annotations

from pathlib import Path

import pytest

from trainshed.environments import uv
from trainshed.errors import EnvironmentBuildException

NO_PKG_RESOURCES = "error: Failed to build `old==1`\n  ModuleNotFoundError: No module named 'pkg_resources'"


class Builds:
    """A context on which uv says what the test wants it to."""

    def __init__(self, home: Path, *answers: tuple[int, str]) -> None:
        self.home, self.answers = str(home), list(answers)
        self.calls: list[list[str]] = []
        self.constraints: list[str] = []
        self.said: list[str] = []

    def run(self, argv: list[str], environ: dict[str, str]) -> tuple[int, str]:
        self.calls.append(argv)
        if "--build-constraint" in argv:
            self.constraints.append(Path(argv[-1]).read_text())
        return self.answers.pop(0)

    def say(self, text: str) -> None:
        self.said.append(text)


def install(context: Builds, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    uv.install(tmp_path / "bin" / "python", ["old==1"], [], context)  # type: ignore[arg-type]


def test_a_package_of_old_is_built_with_an_older_setuptools(tmp_path: Path) -> None:
    context = Builds(tmp_path, (1, NO_PKG_RESOURCES), (0, ""))
    install(context, tmp_path)
    assert (len(context.calls), context.constraints) == (2, ["setuptools<81\n"])
    assert "trying again with setuptools<81" in context.said[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]


def test_what_fails_otherwise_or_again_is_told(tmp_path: Path) -> None:
    context = Builds(tmp_path, (1, "error: No solution found"))
    with pytest.raises(EnvironmentBuildException, match="No solution found"):
        install(context, tmp_path)
    assert len(context.calls) == 1
    (tmp_path / "bin").rmdir()
    with pytest.raises(EnvironmentBuildException, match="pkg_resources"):
        install(Builds(tmp_path, (1, NO_PKG_RESOURCES), (1, NO_PKG_RESOURCES)), tmp_path)


def test_without_uv_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    for name in ("PATH", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(EnvironmentBuildException, match="pip install uv"):
        install(Builds(tmp_path), tmp_path)
