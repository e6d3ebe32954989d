"""The page in a real browser, beside that of ``mlflow server``: the table of 10,000 runs, a run with 5,000 metrics, a
curve of a million points, and the time from ``run.log`` to the pixel.

python benchmarks/page.py --rounds 7
python benchmarks/page.py --rounds 7 --no-peer --profile    # where the time goes, without MLflow
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow_client import NAME, fill_theirs
from peers import QUIET, python_of
from table import machine, table

from trainshed.spec import states
from trainshed.spec.run import RunSpec

RUNS, METRICS, POINTS = 10_000, 5_000, 1_000_000
ROW = "document.querySelector('[data-id]')"
CHARTS = "document.querySelectorAll('#charts .uplot').length >= 3"
MLFLOW_ROW = 'document.querySelector(\'[role=row] a[href*="/runs/"], .ag-row a[href*="/runs/"]\')'
MLFLOW_CHARTS = "document.querySelectorAll('.js-plotly-plot .trace').length >= 3"
# Looks at each frame; what is there when a frame begins was painted with the one before, or is with this one.
WATCH = """
(() => {
  const told = new MessageChannel();
  told.port1.onmessage = () => { window.shownAt = performance.now(); };
  const look = () => {
    let seen = false;
    try { seen = %s; } catch {}
    if (seen) told.port2.postMessage(0); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
LIVE = """
window.drawnAt = [];
const told = new MessageChannel();
told.port1.onmessage = () => window.drawnAt.push(Date.now());
new MutationObserver(() => requestAnimationFrame(() => told.port2.postMessage(0)))
  .observe(document.querySelector('#charts'), { attributes: true, attributeFilter: ['data-live'] });
"""


def fill(root: Path) -> None:
    """Write the history of a workspace, as if all had been run."""
    from trainshed.store.database import Database
    from trainshed.store.history import History
    from trainshed.store.metrics import Metrics

    database = Database(root / "history.db")
    history, metrics = History(database), Metrics(database)
    now = time.time() - 2 * RUNS

    def run(run_id: str, events: list[dict[str, Any]], at: float, *arguments: str) -> None:
        spec = RunSpec("many", script="train.py", arguments=arguments, display_name=f"run {run_id}")
        history.create_run(run_id, run_id, spec, at)
        history.move(run_id, states.RUNNING, now=at)
        metrics.append(run_id, list(enumerate({"k": "metric", "t": at, **each} for each in events)), len(events))
        history.move(run_id, states.COMPLETED, now=at + 1)

    for number in range(RUNS):
        values = [{"n": "loss", "v": 1 / (number + 1)}, {"n": "accuracy", "v": number / RUNS}]
        run(f"r{number}", values, now + number, "--lr", str(number))
    names = [f"layer{number}/norm" for number in range(METRICS)]
    run("wide", [{"n": name, "v": step / 3, "s": step} for step in range(3) for name in names], now + RUNS)
    run("long", [{"n": "loss", "v": (step * 7919 % 1000) / 1000, "s": step} for step in range(POINTS)], now + RUNS)
    database.close()


class Browser:
    """A headless Chromium that is driven by hand.

    Args:
        work: folder of its profile.
    """

    def __init__(self, work: Path) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1440,900"):
            options.add_argument(f"--{argument}")
        options.add_argument(f"--user-data-dir={work / 'browser'}")
        driver = shutil.which("chromedriver")
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
        self._script = ""

    def end(self) -> None:
        """End it, also where it hangs."""
        from trainshed.system import process

        driver = self.driver.service.process.pid
        for pid in {driver, *process.family(driver)}:
            os.kill(pid, 9)

    def until(self, script: str, seconds: float = 300) -> Any:
        """Wait until a script returns something true, and return it."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, 0.02).until(lambda driver: driver.execute_script(script))

    def visit(self, address: str, shown: str, cold: bool = True, profile: Path | None = None) -> tuple[float, float]:
        """Load an address; return the milliseconds until something is shown, and the kilobytes that it took.

        Args:
            address: what to load.
            shown: the condition, in JavaScript.
            cold: with nothing in the browser's cache.
            profile: a file for the browser's CPU profile.
        """
        call = self.driver.execute_cdp_cmd
        self.driver.get("about:blank")
        if self._script:
            call("Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._script})
        self._script = call("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH % shown})["identifier"]
        if cold:
            call("Network.clearBrowserCache", {})
        if profile:
            call("Profiler.enable", {})
            call("Profiler.start", {})
        self.driver.get(address)
        took = self.until("return window.shownAt")
        if profile:
            profile.write_text(json.dumps(call("Profiler.stop", {})["profile"]))
        sizes = "return performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"
        return float(took), self.driver.execute_script(sizes) / 1000


def hot(profile: Path, most: int = 12) -> str:
    """Return where a CPU profile's time went."""
    told = json.loads(profile.read_text())
    names = {node["id"]: node["callFrame"] for node in told["nodes"]}
    spent: dict[str, float] = {}
    for node, micros in zip(told["samples"], told["timeDeltas"], strict=True):
        frame = names[node]
        name = f"{frame['functionName'] or '(anonymous)'} {frame['url'].rpartition('/')[2]}:{frame['lineNumber'] + 1}"
        spent[name] = spent.get(name, 0) + micros / 1000
    best = sorted(spent.items(), key=lambda each: -each[1])[:most]
    return "\n".join(f"    {value:8.1f} ms  {name}" for name, value in best)


def cpu_of(pid: int) -> float:
    """Return the CPU time of a process so far, in milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def mlflow_server(work: Path, envs: Path) -> Iterator[tuple[str, str, str]]:
    """Run ``mlflow server`` over a store with as much in it; yields its address, an experiment and a run."""
    python, store = python_of("mlflow", envs), f"sqlite:///{work / 'mlflow.db'}"
    env = {**os.environ, **QUIET}
    subprocess.run([python, "-m", "mlflow", "db", "upgrade", store], env=env, cwd=work, check=True, capture_output=True)
    fill_theirs(work / "mlflow.db", RUNS)
    script = Path(__file__).parent / "clients" / "mlflow_many_metrics.py"
    argv = [python, script, store, NAME, str(METRICS)]
    experiment, run = subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout.split()[-2:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [python, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(3000):  # on a busy machine it takes a minute to start
            if server.poll() is not None:
                sys.exit("mlflow server does not start")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health"):
                break
            time.sleep(0.1)
        yield address, experiment, run
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def latencies(browser: Browser, workspace: Any, base: str, count: int) -> list[float]:
    """Return the milliseconds from ``run.log`` to the frame that shows it."""
    from trainshed import Experiment

    run = Experiment(workspace, "live").start_logging(snapshot_directory=None)
    run.log("loss", 1.0)
    run.log("loss", 0.5)
    browser.driver.get(f"{base}runs/{run.id}")
    browser.until("return document.querySelectorAll('#charts .uplot').length")
    browser.driver.execute_script(LIVE)
    found = []
    for number in range(count):
        time.sleep(0.6 + 0.037 * (number % 7))  # not in step with anything of ours
        begun, seen = time.time() * 1000, len(browser.driver.execute_script("return window.drawnAt"))
        run.log("loss", 1 / (number + 3))
        drawn = browser.until(f"return window.drawnAt.length > {seen} && window.drawnAt[{seen}]")
        found.append(drawn - begun)
    run.complete()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder whose filled history is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        home = options.keep or work / "home"
        os.environ["TRAINSHED_HOME"] = str(home)
        os.environ.pop("TRAINSHED_WORKSPACE", None)
        root = home / "workspaces" / "default"
        if not (root / "history.db").exists():
            root.mkdir(parents=True, exist_ok=True)
            fill(root)
        print(f"{machine()}\n", flush=True)
        measure(work, options)
        subprocess.run([sys.executable, "-m", "trainshed", "service", "stop"], check=False, capture_output=True)


def logged_in(work: Path, workspace: Any) -> Browser:
    """Return a new browser that is logged in."""
    browser = Browser(Path(tempfile.mkdtemp(dir=work)))
    browser.driver.get(f"{workspace.page_url('/')}#code={workspace.connection.call('POST', '/page')['code']}")
    browser.until("return document.documentElement.dataset.ready")
    return browser


def measure(work: Path, options: argparse.Namespace) -> None:
    """Measure all, in turn."""
    from trainshed import Workspace

    workspace = Workspace()
    pid = workspace.connection.call("GET", "/service")["pid"]
    base = workspace.page_url("/")
    browser = logged_in(work, workspace)
    peer: Any = contextlib.nullcontext() if options.no_peer else mlflow_server(work, options.envs)
    with peer as theirs:
        pages = {
            f"{RUNS:,} runs": {"trainshed": (base, ROW)},
            f"{METRICS:,} metrics": {"trainshed": (f"{base}runs/wide", CHARTS)},
            f"{POINTS:,} points": {"trainshed": (f"{base}runs/long", "document.querySelector('#charts .uplot')")},
        }
        if theirs:
            address, experiment, run = theirs
            pages[f"{RUNS:,} runs"]["mlflow"] = (f"{address}/#/experiments/{experiment}/runs", MLFLOW_ROW)
            wide = f"{address}/#/experiments/{experiment}/runs/{run}/model-metrics"
            pages[f"{METRICS:,} metrics"]["mlflow"] = (wide, MLFLOW_CHARTS)
        for title, rows in pages.items():
            figures: dict[str, list[list[float]]] = {name: [[], [], []] for name in rows}
            for number in range(options.rounds + 1):
                for name, (address, shown) in list(rows.items()):
                    before = cpu_of(pid)
                    try:
                        took, size = browser.visit(address, shown)
                    except Exception as error:  # the browser itself may hang
                        if name == "trainshed":
                            raise
                        print(f"{title}: {name} has shown nothing: {type(error).__name__}", flush=True)
                        del rows[name], figures[name]
                        browser.end()
                        browser = logged_in(work, workspace)
                        continue
                    if number:
                        for column, value in zip(figures[name], (took, size, cpu_of(pid) - before), strict=True):
                            column.append(value)
            columns = ["shown (ms)", "received (kB)", "our service's CPU (ms)"]
            print(table(f"{title}, nothing in the cache", columns, figures, next(iter(rows)), "see head"), flush=True)
            if options.profile:
                profile = work / "profile.json"
                browser.visit(*rows["trainshed"], profile=profile)
                print(hot(profile), "\n", flush=True)
    found = latencies(browser, workspace, base, 4 * options.rounds)
    worst = sorted(found)[int(0.95 * (len(found) - 1))]
    print(f"run.log to the pixel, {len(found)} times: median {statistics.median(found):.0f} ms, 95 % {worst:.0f} ms")
    browser.driver.quit()


if __name__ == "__main__":
    main()
