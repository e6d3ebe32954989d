"""Provides the Python environment of a run: finds it, or builds it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments import cache, commands, conda, interpreters, other_pythons, pip_settings, uv
from trainshed.environments.commands import BuildContext
from trainshed.environments.packages import PackageLists, normal, sort_out
from trainshed.environments.pypi_names import ADVICE, as_requirements
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.secrets import masked


class Inside(NamedTuple):
    """The image in which an environment is built and used.

    Attributes:
        image: id of the image.
        python: path of the base Python in the container.
        version: version of the base Python.
        wrap: function that converts a command to run in the image.
        alone: whether the base Python is not part of the image, so that its packages must not be visible.
    """

    image: str
    python: str
    version: Tuple[int, ...]
    wrap: commands.Wrap
    alone: bool = False


class Prepared(NamedTuple):
    """An environment that is ready to use.

    Attributes:
        python: absolute path of the interpreter.
        path_entries: folders to prepend to PATH.
        variables: environment variables to set for the script.
        key: cache key, or ``""`` for an existing environment.
        cached: whether the environment was found in the cache.
        solver: ``"existing"``, ``"uv"`` or ``"conda"``.
        notes: messages for the user.
        resolved: installed packages, as ``name==version``.
        entry: cache entry, which is held to protect the environment from pruning.
    """

    python: str
    path_entries: Tuple[str, ...]
    variables: Dict[str, str]
    key: str
    cached: bool
    solver: str
    notes: Tuple[str, ...]
    resolved: Tuple[str, ...]
    entry: Optional[cache.CacheEntry]

    @property
    def prefix(self) -> Optional[Path]:
        """Folder of the environment, or None for an existing environment."""
        return None if self.entry is None else self.entry.prefix


def prepare(
    request: EnvironmentSpec, home: Path, log: BinaryIO, sites: Sequence[str] = (), inside: Optional[Inside] = None
) -> Prepared:
    """Return the requested environment, building it if necessary.

    Args:
        request: requested environment.
        home: Trainshed's home on this node.
        log: file for the output of builds.
        sites: site-packages folders of this Python.
        inside: image in which the environment will be used; None for this machine.

    Raises:
        EnvironmentBuildException: the environment cannot be provided. The message includes the solver's error, if any.
    """
    if inside is not None:
        if request.kind == EXISTING:
            return _existing_inside(inside)
        return Builder(request, home, log, (), inside).prepare()
    if request.kind == EXISTING:
        return _existing(request.interpreter)
    return Builder(request, home, log, sites).prepare()


def _existing(name: str) -> Prepared:
    found = interpreters.own().path if name == "python" else commands.program(os.path.expanduser(name))
    if found is None:
        raise EnvironmentBuildException(
            f"The interpreter '{name}' is not on this node. Use the path of an existing Python, "
            "or let an environment be built (user_managed_dependencies = False)."
        )
    path = os.path.abspath(found)
    return Prepared(path, (os.path.dirname(path),), {}, "", True, "existing", (), (), None)


def _existing_inside(inside: Inside, notes: Sequence[str] = ()) -> Prepared:
    # The image's PATH is correct already.
    return Prepared(inside.python, (), {}, "", True, "existing", tuple(notes), (), None)


class Builder:
    """Builds a requested environment. See :func:`prepare` for the arguments."""

    def __init__(
        self, request: EnvironmentSpec, home: Path, log: BinaryIO, sites: Sequence[str], inside: Optional[Inside] = None
    ) -> None:
        self._home = home
        self._inside = inside
        self._context = BuildContext(str(home), log, wrap=inside.wrap if inside else None)
        options = [*request.pip_options, *([f"--index-url {request.index_url}"] if request.index_url else [])]
        self._lists: PackageLists = sort_out(request.conda, request.pip, options, request.python)
        self._solver = request.solver
        self._nearest = request.nearest_python
        self._channels = conda.channels(request.channels)
        self._tool = conda.tool(sites) if self._lists.conda and request.solver != "pypi" else None
        self._notes: List[str] = [*request.notes, *self._lists.notes]

    def prepare(self) -> Prepared:
        """Return the environment, built with conda if requested and available, otherwise from PyPI."""
        try:
            return self._prepare()
        except EnvironmentBuildException as error:
            # What was put in place of packages that the user listed may be what another one conflicts with.
            lines = [error.message, *(f"Note: {masked(note)}" for note in self._notes)]
            raise EnvironmentBuildException("\n".join(lines), error.details) from error

    def _prepare(self) -> Prepared:
        if self._inside:
            return self._on_image(self._inside)
        if not self._lists.conda or self._solver == "pypi":
            return self._from_pypi("")
        if self._tool is None:
            if self._solver == "conda":
                raise EnvironmentBuildException(f"conda is required but not installed on this node: {ADVICE}.")
            return self._from_pypi(f"conda is not installed on this node; for packages that only conda has, {ADVICE}")
        backoff = conda.ChannelBackoff(self._home, self._channels)
        try:
            return self._from_conda(self._tool, backoff.active() and self._solver == "auto")
        except conda.Unreachable as error:
            names = " ".join(masked(name) for name in self._channels)
            if self._solver == "conda":
                raise EnvironmentBuildException(f"No conda channel ({names}) can be reached:\n{error}") from error
            backoff.start()
            return self._from_pypi(f"no conda channel ({names}) can be reached")

    def _on_image(self, inside: Inside) -> Prepared:
        if self._lists.conda and self._solver == "conda":
            raise EnvironmentBuildException(
                "conda is required, but on top of an image, packages come from PyPI. Leave the image out, or "
                "use an image that contains the packages, with user_managed_dependencies = True."
            )
        if not (self._lists.conda or self._lists.pip or inside.alone):
            self._interpreter()  # adds a note if the Python version differs
            return _existing_inside(inside, self._notes)
        return self._from_pypi("conda is not used in a container")

    def _from_conda(self, tool: conda.Tool, unreachable: bool) -> Prepared:
        python = self._lists.python or "{}.{}".format(*interpreters.own().version)
        python_spec = "python" + (python if python[0] in "<>=!~" else f"={python}")
        specs = [python_spec, *sorted(spec.text for spec in self._lists.conda)]
        entry = cache.CacheEntry(self._home, self._key("conda", specs, [*self._channels, *self._free()]))
        record = entry.found()
        cached = record is not None
        if record is None:
            if unreachable:
                raise conda.Unreachable("The channels were unreachable a moment ago.")

            def make(prefix: Path, lock: int) -> Dict[str, Any]:
                context = self._context._replace(lock=lock)
                note = self._solve(tool, specs, prefix, context)
                uv.install(prefix / "bin" / "python", self._lists.pip, self._lists.options, context)
                return self._record(prefix, "conda", tool.name, [*specs, *self._lists.pip], note)

            record = entry.build(self._context.log, make)
        return self._ready(entry, record, cached, {"CONDA_PREFIX": str(entry.prefix)})

    def _solve(self, tool: conda.Tool, specs: Sequence[str], prefix: Path, context: BuildContext) -> str:
        """Install conda packages, if necessary with an older Python. Returns a note about that."""
        try:
            conda.build(tool, specs, self._channels, prefix, context)
        except EnvironmentBuildException as error:
            if self._lists.python:
                raise
            context.say("Trying again with an older Python, as the environment names none.")
            try:
                older = [other_pythons.OLDER_SPEC, *specs[1:]]
                conda.build(tool, older, self._channels, prefix, context)
            except EnvironmentBuildException:
                raise error from None
            versions = [each.partition("==")[2] for each in conda.installed(prefix) if each.startswith("python==")]
            return other_pythons.note("", *versions)
        return ""

    def _from_pypi(self, because: str) -> Prepared:
        requirements, conversions = as_requirements(self._lists.conda, because or "conda is disabled for this run")
        if self._lists.conda:
            why = f": {because}." if because else "."
            self._notes.append(f"conda_packages are installed from PyPI ({', '.join(conversions)}){why}")
        wanted = sorted({*requirements, *self._lists.pip})
        if not any(each.startswith("setuptools") for each in wanted):
            wanted += self._lists.with_pip
        base = self._interpreter()
        inside = self._inside
        more = ("--system-site-packages",) if inside and not inside.alone else ()
        image = [inside.image, inside.python, *more] if inside else []
        free = self._free() if wanted else []
        entry = cache.CacheEntry(self._home, self._key("uv", wanted, [base.text, *image, *free]), bool(inside))
        record = entry.found()
        cached = record is not None
        if record is None:

            def make(prefix: Path, lock: int) -> Dict[str, Any]:
                context = self._context._replace(lock=lock)
                tool = uv.version(context)
                uv.make_venv(base.path, prefix, context, more)
                python, note = base, ""
                try:
                    uv.install(prefix / "bin" / "python", wanted, self._lists.options, context)
                except EnvironmentBuildException as error:
                    if not (free and other_pythons.is_to_blame(error)):
                        raise
                    python, note = self._with_another(error, wanted, prefix, context)
                return self._record(prefix, "uv", tool, [f"python=={python.text}", *wanted], note)

            record = entry.build(self._context.log, make)
        return self._ready(entry, record, cached, {"VIRTUAL_ENV": str(entry.prefix)})

    def _free(self) -> List[str]:
        """Return words for the cache key if packages that this Python cannot take may get another one."""
        return [] if self._inside or self._lists.python else ["or another Python"]

    def _with_another(
        self, error: EnvironmentBuildException, wanted: Sequence[str], prefix: Path, context: BuildContext
    ) -> Tuple[interpreters.Interpreter, str]:
        """Install packages with another Python than the node's own. Returns it, and a note about that."""
        own = interpreters.own().text
        context.say(f"Python {own} cannot take these packages; looking for another, as the environment names none.")
        fit = other_pythons.choose(wanted, self._lists.options, error, self._home, context)
        if fit is None:
            more = "No other Python of this node can take these packages, either."
            raise EnvironmentBuildException(f"{error.message}\n{more}", error.details)
        shutil.rmtree(prefix)
        uv.make_venv(fit.base.path, prefix, context)
        uv.install(prefix / "bin" / "python", wanted, self._lists.options, context, fit.limits)
        return fit.base, other_pythons.note(other_pythons.culprit(error), fit.base.text)

    def _interpreter(self) -> interpreters.Interpreter:
        wanted = self._lists.python
        if self._inside:
            base = interpreters.Interpreter(self._inside.python, self._inside.version)
            if wanted and not interpreters.satisfies(base.version, wanted):
                self._notes.append(f"Python {wanted} was requested, but the image's Python {base.text} is used.")
            return base
        found = interpreters.find(wanted, self._home)
        if found is None and wanted and uv.download_python(wanted, self._context):
            found = interpreters.find(wanted, self._home)
        if found is None:
            found = interpreters.nearest(str(wanted), self._home) or interpreters.own()
            if not self._nearest:
                raise EnvironmentBuildException(
                    f"Python {wanted} is not on this node and could not be downloaded. Install it, or set "
                    f"TRAINSHED_PYTHON=nearest where you submit, to use the nearest version: here Python {found.text}."
                )
        if wanted and not interpreters.satisfies(found.version, wanted):
            self._notes.append(f"Python {wanted} is not on this node; Python {found.text} is used instead.")
        return found

    def _key(self, solver: str, packages: Sequence[str], more: Sequence[str]) -> str:
        request = {
            "solver": solver,
            "packages": sorted(masked(normal(one)) for one in packages),
            "pip": sorted(masked(normal(one)) for one in self._lists.pip),
            "more": [masked(one) for one in more],
            "settings": pip_settings.fingerprint(os.environ, self._lists.options),
        }
        return cache.key_of(request)

    def _record(self, prefix: Path, solver: str, tool: str, request: Sequence[str], note: str) -> Dict[str, Any]:
        return {
            "solver": solver,
            "tool": tool,
            "request": [masked(one) for one in request],
            "notes": [*self._notes, note] if note else self._notes,
            "python_note": note,
            "resolved": sorted({*uv.installed(prefix), *conda.installed(prefix)}),
        }

    def _ready(
        self, entry: cache.CacheEntry, record: Dict[str, Any], cached: bool, variables: Dict[str, str]
    ) -> Prepared:
        programs = entry.prefix / "bin"
        self._context.say(f"Environment {entry.key} ({'from the cache' if cached else 'built'}).")
        resolved = tuple(record["resolved"])
        about_python = record.get("python_note")  # known only to the process that built the environment, otherwise
        notes = tuple(masked(note) for note in (*self._notes, *([about_python] if about_python else [])))
        python = str(programs / "python")
        return Prepared(
            python, (str(programs),), variables, entry.key, cached, record["solver"], notes, resolved, entry
        )
