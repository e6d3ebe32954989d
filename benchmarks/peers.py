"""What people would pick instead, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "psij": ["psij-python==0.9.11"],
    "torchx": ["torchx==0.7.0"],
    "submitit": ["submitit==1.5.4"],
    "mlflow": ["mlflow==3.17.2"],
    "tensorboardX": ["tensorboardX==2.6.5"],
    "trackio": ["trackio==0.43.0"],
    "optuna": ["optuna==5.0.0", "scikit-learn"],
    "ray": ["ray[tune]==2.60.0"],
    "mlflow_models": ["mlflow==3.17.2", "scikit-learn==1.8.0", "uvicorn", "fastapi"],
    "served": ["scikit-learn==1.8.0"],
    "bentoml": ["bentoml==1.4.40", "scikit-learn==1.8.0"],
    "litserve": ["litserve==0.2.19", "scikit-learn==1.8.0"],
    "optuna_gp": ["optuna==5.0.0", "scikit-learn", "scipy", "torch==2.13.0"],
}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "RAY_AUTH_MODE": "disabled",  # otherwise its processes wait for a token that nobody has made
    "RAY_USAGE_STATS_ENABLED": "0",
}


def python_of(name: str, envs: Path) -> Path:
    """Return the interpreter of a peer's environment, making it when it is not there."""
    prefix = envs / name
    python = prefix / "bin" / "python"
    if not (prefix / "done").exists():
        from trainshed.environments.pip_settings import for_uv  # which is not in the peers' own environments

        print(f"installing {name} …", file=sys.stderr, flush=True)
        subprocess.run(["uv", "venv", "-q", "--clear", "--python", sys.executable, prefix], check=True, env=tool_path())
        argv = ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python, *PACKAGES[name]]
        subprocess.run(argv, check=True, env={**tool_path(), **for_uv(os.environ)})
        (prefix / "done").touch()
    return python


def tool_path() -> dict[str, str]:
    """Return our environment with the tools beside this interpreter on the PATH."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def versions(envs: Path, names: list[str]) -> dict[str, str]:
    """Return the version of each peer that is installed."""
    ask = "import importlib.metadata as m, re, sys; print(m.version(re.match(r'[\\w-]+', sys.argv[1])[0]))"
    return {
        name: subprocess.run(
            [python_of(name, envs), "-c", ask, PACKAGES[name][0]], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in names
    }
