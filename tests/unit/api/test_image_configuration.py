"""The folder in which the files of an image configuration are gathered lasts as long as the configuration."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

import pytest

from trainshed.api.deployment.image import ContainerImage
from trainshed.errors import WebserviceException


@pytest.fixture
def gathered(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made; the working folder has a script to score with and a file beside it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(project)
    (project / "score.py").write_text("def run(data):\n    return data\n")
    (project / "beside.txt").write_text("beside")
    return folder


def test_the_folder_goes_with_the_configuration(gathered: Path) -> None:
    config = ContainerImage.image_configuration("score.py", "python", dependencies=["beside.txt"])
    [folder] = gathered.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["beside.txt", "score.py"]
    del config
    gc.collect()
    assert list(gathered.iterdir()) == []


def test_what_is_refused_leaves_no_folder(gathered: Path) -> None:
    Path("score.py").write_text("def score(data):\n    return data\n")
    with pytest.raises(WebserviceException, match="run"):
        ContainerImage.image_configuration("score.py", "python", dependencies=["beside.txt"])
    assert list(gathered.iterdir()) == []
