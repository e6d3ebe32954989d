"""Sweeps: what their parts say, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

import trainshed
from trainshed import Estimator, RunConfiguration, ScriptRunConfig, hyperdrive
from trainshed.api.hyperdrive import (
    ASHAPolicy,
    BanditPolicy,
    BayesianParameterSampling,
    EarlyTerminationPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    HyperDriveRunConfig,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from trainshed.api.hyperdrive.script_options import not_accepted
from trainshed.api.hyperdrive.to_sweep import policy_spec, to_sweep
from trainshed.errors import (
    HyperDriveConfigException,
    HyperDriveNotImplementedException,
    HyperDriveScenarioNotSupportedException,
    TrainingException,
)
from trainshed.spec.sweep import PolicySpec, SweepSpec

BETWEEN = [(uniform, ()), (quniform, (2,)), (loguniform, ()), (qloguniform, (2,))]
AROUND = [(normal, ()), (qnormal, (2,)), (lognormal, ()), (qlognormal, (2,))]


def config(**changes: Any) -> HyperDriveConfig:
    """A sweep that is in order but for the changes."""
    given: dict[str, Any] = {
        "estimator": Estimator("./src", compute_target="local", entry_script="train.py"),
        "hyperparameter_sampling": RandomParameterSampling({"--alpha": uniform(0, 1)}),
        "primary_metric_name": "mse",
        "primary_metric_goal": PrimaryMetricGoal.MINIMIZE,
        "max_total_runs": 4,
    }
    return HyperDriveConfig(**{**given, **changes})


@pytest.mark.parametrize(
    ("found", "noted"),
    [
        (choice("a", "b"), ["choice", [["a", "b"]]]),
        (choice([1, 2]), ["choice", [[1, 2]]]),
        (choice(range(3)), ["choice", [[0, 1, 2]]]),
        (choice("ab"), ["choice", [["ab"]]]),
        (choice([1, 2], [3]), ["choice", [[[1, 2], [3]]]]),
        (randint(8), ["randint", [8]]),
        *[(each(0, 1.5, *step), [each.__name__, [0, 1.5, *step]]) for each, step in BETWEEN],  # type: ignore[operator]
        *[(each(-1, 2, *step), [each.__name__, [-1, 2, *step]]) for each, step in AROUND],  # type: ignore[operator]
    ],
)
def test_expressions(found: object, noted: object) -> None:
    assert found == noted


@pytest.mark.parametrize(
    ("expression", "arguments", "says"),
    [
        (choice, (), "no options"),
        (choice, ([],), "no options"),
        (randint, (0,), "upper must be a whole number above 0"),
        (randint, (-1,), "upper must be"),
        (randint, (1.5,), "upper must be"),
        (randint, (True,), "upper must be"),
        *[(each, (1, 1, *step), "min_value .* below max_value") for each, step in BETWEEN],
        *[(each, (2, 1, *step), "min_value .* below max_value") for each, step in BETWEEN],
        *[(each, ("0", 1, *step), "min_value must be a finite number") for each, step in BETWEEN],
        *[(each, (0, float("nan"), *step), "max_value must be a finite number") for each, step in BETWEEN],
        *[(each, (0, 0, *step), "sigma must be above 0") for each, step in AROUND],
        *[(each, (None, 1, *step), "mu must be a finite number") for each, step in AROUND],
        (quniform, (0, 1, 0), "q must be above 0"),
        (qnormal, (0, 1, "x"), "q must be a finite number"),
    ],
)
def test_expressions_that_cannot_be(expression: Any, arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(HyperDriveConfigException, match=f"^{expression.__name__}.*{says}"):
        expression(*arguments)


@pytest.mark.parametrize("space", [{}, {"--a": 1, "--b": [1, 2], "--c": normal(0, 1)}])
def test_random_sampling_takes_any_space(space: dict[str, Any]) -> None:
    assert RandomParameterSampling(space, {"seed": 1}).parameter_space == space
    assert RandomParameterSampling(space, {"seed": 1}).properties == {"seed": 1}


@pytest.mark.parametrize("sampling", [RandomParameterSampling, GridParameterSampling, BayesianParameterSampling])
def test_a_space_is_a_dict(sampling: Any) -> None:
    assert sampling({"--a": choice(1, 2)}).parameter_space == {"--a": ["choice", [[1, 2]]]}
    with pytest.raises(HyperDriveConfigException, match="parameter_space must be a dict"):
        sampling([("--a", choice(1, 2))])


@pytest.mark.parametrize(
    ("sampling", "value"),
    [
        *[(GridParameterSampling, value) for value in (uniform(0, 1), randint(3), 7, [1, 2])],
        *[(BayesianParameterSampling, value) for value in (normal(0, 1), loguniform(0, 1), randint(3), 7)],
    ],
)
def test_what_a_sampling_cannot_pick_from(sampling: Any, value: Any) -> None:
    with pytest.raises(HyperDriveConfigException, match=f"{sampling.__name__}: parameter '--a' is .*choice"):
        sampling({"--a": value})


def test_bayesian_sampling_picks_from_three_kinds_or_if_asked_from_all() -> None:
    space = {"--a": choice(1, 2), "--b": uniform(0, 1), "--c": quniform(0, 1, 0.1)}
    BayesianParameterSampling(space)
    with pytest.raises(HyperDriveConfigException, match=r"pass properties=\{'all_expressions': True\}"):
        BayesianParameterSampling({**space, "--d": loguniform(0, 1)})
    sampling = BayesianParameterSampling({**space, "--d": loguniform(0, 1)}, {"all_expressions": True, "seed": 3})
    assert to_sweep(config(hyperparameter_sampling=sampling)).seed == 3


def test_a_choice_of_too_many() -> None:
    with pytest.raises(HyperDriveConfigException, match="has 1000000000000 values; a choice has at most 100000"):
        choice(range(10**12))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("p.add_argument('--alpha')\np.parse_args()", "--beta"),
        ("p.add_argument('--alpha', '--beta-1')\np.parse_args()", ""),  # argparse takes the beginning of an option
        ("p.add_argument('--alpha')\np.add_argument_group('a').add_argument('--beta')\np.parse_args()", ""),
        ("p.add_argument('--alpha')\np.parse_known_args()", ""),
        ("p.add_argument('--alpha')\nadd_arguments(p)\np.parse_args()", ""),
        ("p.add_argument('--alpha')\nfor name in NAMES: p.add_argument(name)\np.parse_args()", ""),
        ("p.add_argument('--alpha')\np.parse_args(sys.argv[2:])", ""),
        ("p.add_argument('--alpha')\nArgumentParser(parents=[p]).parse_args()", ""),
        ("p.add_argument('--alpha')\nreturn p", ""),
        ("p.add_argument('--alpha'\np.parse_args()", ""),
    ],
)
def test_parameters_that_a_script_does_not_accept(code: str, says: str) -> None:
    found = not_accepted(f"import argparse\np = argparse.ArgumentParser()\n{code}", ["--alpha", "beta"])
    assert found == (f"{says}." if says else "")


def test_names_of_samplings_and_policies() -> None:
    samplings = (RandomParameterSampling, GridParameterSampling, BayesianParameterSampling)
    assert [each.SAMPLING_NAME for each in samplings] == ["RANDOM", "GRID", "BayesianOptimization"]
    policies = (NoTerminationPolicy(), BanditPolicy(slack_amount=-1), MedianStoppingPolicy(2, 5))
    assert [each.POLICY_NAME for each in policies] == ["Default", "Bandit", "MedianStopping"]
    assert repr(policies[2]) == "MedianStoppingPolicy(evaluation_interval=2, delay_evaluation=5)"
    assert TruncationSelectionPolicy(10, 1, 5).truncation_percentage == 10


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (BanditPolicy, "neither is given"),
        (lambda: BanditPolicy(slack_factor=0.1, slack_amount=1), "both are given"),
        (lambda: BanditPolicy(slack_factor="0.1"), "slack_factor must be a number"),  # type: ignore[arg-type]
        (lambda: BanditPolicy(0, 0.1), "evaluation_interval must be a whole number of at least 1"),
        (lambda: BanditPolicy(1, 0.1, delay_evaluation=-1), "delay_evaluation must be a whole number of at least 0"),
        (lambda: MedianStoppingPolicy(1.5), "evaluation_interval"),  # type: ignore[arg-type]
        (lambda: TruncationSelectionPolicy(0), "from 1 to 99"),
        (lambda: TruncationSelectionPolicy(100), "from 1 to 99"),
        (lambda: TruncationSelectionPolicy("10"), "from 1 to 99"),  # type: ignore[arg-type]
    ],
)
def test_policies_that_cannot_be(make: Any, says: str) -> None:
    with pytest.raises(HyperDriveConfigException, match=says):
        make()


@pytest.mark.parametrize(
    ("goal", "found"), [("maximize", PrimaryMetricGoal.MAXIMIZE), ("MINIMIZE", PrimaryMetricGoal.MINIMIZE)]
)
def test_a_goal_by_its_name(goal: str, found: PrimaryMetricGoal) -> None:
    assert PrimaryMetricGoal.from_str(goal) is found


@pytest.mark.parametrize("goal", ["best", "", None])
def test_a_goal_that_is_none(goal: Any) -> None:
    with pytest.raises(HyperDriveConfigException, match="'maximize' or 'minimize'"):
        PrimaryMetricGoal.from_str(goal)


def test_a_configuration_tells_what_it_was_given() -> None:
    swept = config(policy=BanditPolicy(slack_factor=0.1))
    assert swept.source_directory == "./src"
    assert swept.estimator.run_config.script == "train.py"  # type: ignore[union-attr]
    assert swept.run_config is swept.pipeline is None
    assert "BanditPolicy" in repr(swept)
    script = ScriptRunConfig("./other", "train.py", run_config=RunConfiguration())
    assert config(estimator=None, run_config=script).run_config is script
    assert config(estimator=None, run_config=script).source_directory == "./other"


@pytest.mark.parametrize("numbers", [{"max_total_runs": 0}, {"max_total_runs": 2, "max_concurrent_runs": 5}])
def test_numbers_that_v1_left_to_its_service(numbers: dict[str, int]) -> None:
    config(**numbers)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"estimator": None}, "exactly one of estimator, run_config and pipeline; you passed none of them"),
        ({"run_config": ScriptRunConfig("./src")}, "you passed estimator and run_config"),
        ({"hyperparameter_sampling": None}, "hyperparameter_sampling is missing"),
        ({"hyperparameter_sampling": {"--a": choice(1)}}, "'hyperparameter_sampling' must be HyperParameterSampling"),
        ({"primary_metric_goal": "MINIMIZE"}, "'primary_metric_goal' must be PrimaryMetricGoal"),
        ({"primary_metric_name": 1}, "'primary_metric_name' must be str"),
        ({"max_total_runs": "4"}, "'max_total_runs' must be int"),
        ({"policy": "Bandit"}, "'policy' must be EarlyTerminationPolicy"),
        ({"estimator": "train.py"}, "'estimator' must be MMLBaseEstimator"),
        ({"resume_from": [HyperDriveRun(None, str(n)) for n in range(6)]}, "at most 5 sweeps, not 6"),  # type: ignore[arg-type]
        ({"resume_from": ["a run"]}, "resume_from must contain runs, not str"),
        ({"resume_child_runs": ["a run"]}, "resume_child_runs must contain runs, not str"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(HyperDriveConfigException, match=says):
        config(**changes)


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(TypeError, match="Did you mean 'max_total_runs'"):
        config(max_totl_runs=3)


def test_pipelines_cannot_be_swept() -> None:
    with pytest.raises(HyperDriveScenarioNotSupportedException, match="pipelines are not supported"):
        config(estimator=None, pipeline=object())


def test_the_name_and_order_of_2018_warn(caplog: pytest.LogCaptureFixture) -> None:
    estimator = Estimator("./src", compute_target="local", entry_script="train.py")
    sampling = GridParameterSampling({"--alpha": choice(0.1, 0.2)})
    found = HyperDriveRunConfig(estimator, sampling, "mse", PrimaryMetricGoal.MINIMIZE, 2)
    assert isinstance(found, HyperDriveConfig)
    assert found.estimator is estimator
    assert "use HyperDriveConfig" in caplog.text


def test_what_has_no_effect_is_said(caplog: pytest.LogCaptureFixture) -> None:
    params = {"--alpha": 0.5, "--beta": 1}
    estimator = Estimator("./src", compute_target="local", entry_script="train.py", script_params=params)
    config(
        estimator=estimator,
        hyperparameter_sampling=BayesianParameterSampling({"alpha": uniform(0, 1)}),
        policy=MedianStoppingPolicy(),
    )
    assert "values of alpha replace those" in caplog.text
    assert "MedianStoppingPolicy cannot be used with BayesianParameterSampling" in caplog.text
    caplog.clear()
    config()
    assert not caplog.text


class OwnPolicy(EarlyTerminationPolicy):
    """A policy that the service does not know."""

    def __init__(self) -> None:
        super().__init__("own")


class OwnSampling(RandomParameterSampling):
    """A sampling method that the service does not know."""

    SAMPLING_NAME = "OWN"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (NoTerminationPolicy(), PolicySpec("none")),
        (BanditPolicy(2, 0.1, delay_evaluation=3), PolicySpec("bandit", 2, 3, slack_factor=0.1)),
        (BanditPolicy(slack_amount=1), PolicySpec("bandit", slack_amount=1.0)),
        (MedianStoppingPolicy(2, 5), PolicySpec("median_stopping", 2, 5)),
        (TruncationSelectionPolicy(20, 1, 5), PolicySpec("truncation_selection", 1, 5, truncation_percentage=20)),
        (ASHAPolicy(2, 1, 4), PolicySpec("asha", 2, 1, reduction_factor=4)),
    ],
)
def test_a_policy_as_the_service_gets_it(policy: Any, expected: PolicySpec) -> None:
    assert policy_spec(policy) == expected
    assert to_sweep(config(policy=policy)).policy == expected
    sampling = BayesianParameterSampling({"--alpha": uniform(0, 1)})
    assert to_sweep(config(policy=policy, hyperparameter_sampling=sampling)).policy == PolicySpec("none")


def test_a_sweep_as_the_service_gets_it() -> None:
    sampling = RandomParameterSampling({"--alpha": choice(numpy_like(0.5), (1, 2))}, {"seed": 3})
    found = to_sweep(config(hyperparameter_sampling=sampling, max_concurrent_runs=9), max_retries=2)
    assert found == SweepSpec(
        "random", '{"--alpha": ["choice", [[0.5, [1, 2]]]]}', "mse", False, 4, 4, seed=3, max_retries=2
    )
    assert to_sweep(config()).max_concurrent_runs == 4
    assert to_sweep(config()).seed != to_sweep(config()).seed


def numpy_like(value: float) -> Any:
    """Something that json cannot write, and that has the method by which numpy's numbers become Python's."""
    return type("Number", (), {"tolist": lambda _: value})()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"policy": OwnPolicy()}, "OwnPolicy cannot be used"),
        ({"hyperparameter_sampling": OwnSampling({"--a": choice(1)})}, "OwnSampling cannot be used"),
        ({"hyperparameter_sampling": RandomParameterSampling({1: choice(1)})}, "must be a str"),  # type: ignore[dict-item]
        ({"hyperparameter_sampling": RandomParameterSampling({"a": choice(float("nan"))})}, "cannot be passed"),
        ({"hyperparameter_sampling": RandomParameterSampling({"a": ["uniform", [0]]})}, "uniform has the arguments"),
        ({"hyperparameter_sampling": RandomParameterSampling({"a": ["unform", [0, 1]]})}, "Did you mean 'uniform'"),
        ({"primary_metric_name": ""}, "name of the metric"),
    ],
)
def test_a_sweep_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(HyperDriveConfigException, match=says):
        to_sweep(config(**changes))
    with pytest.raises(HyperDriveConfigException, match="max_retries must be"):
        to_sweep(config(), max_retries="2")


def test_what_v1_never_had() -> None:
    for method in ("fail", "get_diagnostics"):
        with pytest.raises(HyperDriveNotImplementedException):
            getattr(HyperDriveRun(None, "x"), method)()  # type: ignore[arg-type]
    with pytest.raises(HyperDriveConfigException, match="not str"):
        HyperDriveRun(None, "x", "config")  # type: ignore[arg-type]


def test_a_sweeps_run_as_2018_made_it() -> None:
    swept = config()
    assert HyperDriveRun(None, "x", RunConfiguration(), swept).hyperdrive_config is swept  # type: ignore[arg-type]
    named = HyperDriveRun(None, "x", run_config=RunConfiguration(), hyperdrive_run_config=swept)  # type: ignore[arg-type]
    assert named.hyperdrive_run_config is swept
    with pytest.raises(HyperDriveConfigException, match="this is sweep 'x', not 'y'"):
        named.cancel(None, "y")


def test_where_scripts_of_2018_caught_them() -> None:
    assert issubclass(HyperDriveConfigException, TrainingException)
    assert {name for name in hyperdrive.__all__ if getattr(hyperdrive, name) is None} == set()


@pytest.mark.parametrize("kind", ["SKLearn", "PyTorch", "TensorFlow", "Chainer", "derived"])
def test_every_kind_of_estimator_can_be_swept(kind: str) -> None:
    class Derived(trainshed.Estimator):
        pass

    made = Derived if kind == "derived" else getattr(trainshed, kind)
    estimator = made("./src", compute_target="local", entry_script="train.py")
    config = HyperDriveConfig(
        estimator=estimator,
        hyperparameter_sampling=RandomParameterSampling({"--alpha": uniform(0, 1)}),
        primary_metric_name="mse",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=2,
    )
    assert config.estimator is estimator
