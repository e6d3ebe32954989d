"""Models of scikit-learn and ONNX that are deployed without a scoring script, as SDK v1's documentation does it."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Dataset
from azureml.core.resource_configuration import ResourceConfiguration
from trainshed import Model, Workspace
from trainshed.errors import UserErrorException, WebserviceException


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for service in workspace.webservices.values():
        service.delete()


def test_a_model_of_scikit_learn(workspace: Workspace, folder: Path) -> None:
    sklearn, joblib = pytest.importorskip("sklearn"), pytest.importorskip("joblib")
    linear = pytest.importorskip("sklearn.linear_model")
    rows, kinds = [[0.0, 0.1], [0.2, 0.0], [0.9, 1.0], [1.0, 0.8]], ["low", "low", "high", "high"]
    joblib.dump(linear.LogisticRegression().fit(rows, kinds), "model.pkl")
    (folder / "sample.csv").write_text("a,b\n0.1,0.2\n")
    datastore = workspace.get_default_datastore()
    datastore.upload_files([str(folder / "sample.csv")])
    sample = Dataset.Tabular.from_delimited_files((datastore, "sample.csv"))
    model = Model.register(
        workspace=workspace,
        model_name="kinds",
        model_path="./model.pkl",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version=sklearn.__version__,
        sample_input_dataset=sample,
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )
    found = Model(workspace, "kinds")
    assert found.resource_configuration is not None
    assert (found.resource_configuration.cpu, found.resource_configuration.memory_in_gb) == (1, 0.5)
    assert found.sample_input_dataset.to_pandas_dataframe().to_dict("records") == [{"a": 0.1, "b": 0.2}]
    assert found.sample_output_dataset is None
    service = Model.deploy(workspace, "kinds", [model])
    service.wait_for_deployment(show_output=True)
    asked = {"data": [[0.0, 0.0], [1.0, 1.0]], "method": "predict"}
    assert service.run(json.dumps(asked)) == {"predict": ["low", "high"]}
    likely = service.run(json.dumps({"data": asked["data"]}))["predict_proba"]
    assert [round(sum(row), 6) for row in likely] == [1.0, 1.0]
    for body, said in (
        ("x", "is not JSON"),
        ('{"rows": []}', "rows to score in 'data'"),
        ('{"data": [[1, 2]], "method": "fit"}', "has no method 'fit'. It has: predict, predict_proba"),
        ('{"data": [[1, 2, 3]]}', "rows of 3 values; the model wants rows of 2"),
        ('{"data": [1, 2]}', "1 dimensions"),
    ):
        with pytest.raises(WebserviceException, match="Response Code: 400") as refused:
            service.run(body)
        assert said in refused.value.message
    (folder / "words.txt").write_text("no model")
    other = Model.register(workspace, "words.txt", "kinds", model_framework="ScikitLearn")
    service.update(models=[other])  # which cannot be loaded
    with pytest.raises(WebserviceException, match="The update failed"):
        service.wait_for_deployment()


def test_what_can_be_deployed_without_a_script(workspace: Workspace, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weights")
    plain = Model.register(workspace, "model.bin", "plain")
    with pytest.raises(WebserviceException, match="registered without model_framework") as told:
        Model.deploy(workspace, "none", [plain])
    assert "InferenceConfig(entry_script='score.py', environment=env)" in told.value.message
    flow = Model.register(workspace, "model.bin", "flow", model_framework=Model.Framework.TENSORFLOW)
    with pytest.raises(WebserviceException, match="is of the framework TensorFlow"):
        Model.deploy(workspace, "none", [flow])
    with pytest.raises(WebserviceException, match="exactly one model can be deployed, not 2"):
        Model.deploy(workspace, "none", [plain, flow])
    odd = Model.register(workspace, "model.bin", "odd", model_framework="ScikitLearn", model_framework_version="newest")
    with pytest.raises(WebserviceException, match="must be a release of scikit-learn"):
        Model.deploy(workspace, "none", [odd])
    with pytest.raises(UserErrorException, match="sample_input_dataset must be a dataset, not str"):
        Model.register(workspace, "model.bin", "odd", sample_input_dataset="rows.csv")
    with pytest.raises(UserErrorException, match="must be a ResourceConfiguration, not dict"):
        plain.update(resource_configuration={"cpu": 1})
    plain.update(resource_configuration=ResourceConfiguration(gpu=1), description="changed")
    assert str(Model(workspace, "plain").resource_configuration).endswith("gpu=1)")
    assert workspace.webservices == {}


def part(number: int, content: bytes | int | str) -> bytes:
    """Return a field of a Protocol Buffers message."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    raw = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2, len(raw)]) + raw


def doubler() -> bytes:
    """Return an ONNX model that adds its only input to itself."""
    shape = part(2, part(1, part(2, "rows")) + part(1, part(1, 2)))
    kind = part(2, part(1, part(1, 1) + shape))
    node = part(1, part(1, "x") + part(1, "x") + part(2, "y") + part(4, "Add"))
    graph = node + part(2, "doubler") + part(11, part(1, "x") + kind) + part(12, part(1, "y") + kind)
    return part(1, 8) + part(7, graph) + part(8, part(2, 13))


def test_a_model_of_onnx(workspace: Workspace, folder: Path) -> None:
    (folder / "doubler.onnx").write_bytes(doubler())
    model = Model.register(
        workspace, "doubler.onnx", "doubler", model_framework=Model.Framework.ONNX, model_framework_version="1.3"
    )
    service = Model.deploy(workspace, "doubler", [model])
    service.wait_for_deployment(show_output=True)
    assert service.run('{"data": [[1, 2], [3, 4]]}') == {"outputs": {"y": [[2, 4], [6, 8]]}}
    # As ONNX Runtime's own server has it, which SDK v1 used.
    raw = base64.b64encode(struct.pack("<2f", 1.0, 2.0)).decode()
    tensor = {"dims": ["1", "2"], "dataType": 1, "rawData": raw}
    answer = service.run(json.dumps({"inputs": {"x": tensor}, "outputFilter": ["y"]}))["outputs"]["y"]
    assert struct.unpack("<2f", base64.b64decode(answer["rawData"])) == (2.0, 4.0)
    assert (answer["dims"], answer["dataType"]) == (["1", "2"], 1)
    for body, said in (('{"inputs": {"z": 1}}', "with the model's inputs"), ('{"data": [[1, 2, 3]]}', "dimensions")):
        with pytest.raises(WebserviceException, match="Response Code: 400") as refused:
            service.run(body)
        assert said in refused.value.message
