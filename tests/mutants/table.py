"""Mistakes that must not come back: each is one small change of the source that the tests named with it must notice.

``make mutants`` makes each of them in a copy of the checkout and fails if its tests pass; ``tests/house`` checks that
each can still be made. When the source has changed, change the texts here with it.
"""

from __future__ import annotations

from typing import NamedTuple

POWER = "tests/durability/test_power_loss.py::test_whenever_the_power_fails"
CLOCK = "tests/durability/test_clock.py"
BYTES = "tests/faults/test_exact_bytes.py"
ENDINGS = "tests/faults/test_run_endings.py"
DEATH = "tests/faults/test_service_death.py"
HOUSE = "tests/house/test_sizes.py"
STORE = "tests/unit/store"
SWEEP_POLICIES = "tests/unit/sweeps/test_policies.py::test_a_policy_is_what_its_definition_says"
SERVICE = "tests/unit/service/test_routes.py"


class Edit(NamedTuple):
    """A change: a text that occurs once in a file below ``src/trainshed``, and what takes its place."""

    file: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A mistake.

    Attributes:
        name: what is wrong with it.
        edits: the changes that make it.
        tests: those that must fail.
    """

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def mutant(name: str, *tests: str, **edit: str) -> Mutant:
    """Return a mutant of one edit, given as ``file``, ``old`` and ``new``."""
    return Mutant(name, (Edit(edit["file"], edit["old"], edit["new"]),), tests)


MUTANTS = (
    # What is not on the disk when it is told.
    mutant(
        "a submit is answered before it is committed",
        f"{DEATH}::test_submit_repeated_with_its_id_is_one_run",
        f"{DEATH}::test_queue_survives",
        file="service/supervisor.py",
        old="""        record = self._create(run_id, submit_id, spec)
        self._of(record).tell("dispatch")
        return record
""",
        new="""        threading.Timer(0.5, lambda: self._of(self._create(run_id, submit_id, spec)).tell("dispatch")).start()
        return {"id": run_id, "status": states.QUEUED}
""",
    ),
    mutant(
        "a submit is committed and not flushed",
        POWER,
        file="store/history.py",
        old="""        with self._database.transaction(durable=True) as write:
            known =""",
        new="""        with self._database.transaction() as write:
            known =""",
    ),
    mutant(
        "an end is committed and not flushed",
        POWER,
        file="store/history.py",
        old="transaction(durable=status in states.TERMINAL)",
        new="transaction()",
    ),
    mutant(
        "the claim is not flushed",
        POWER,
        file="system/files.py",
        old="""            if durable:
                os.fsync(file.fileno())
        os.link""",
        new="        os.link",
    ),
    mutant(
        "exit.json is not flushed",
        POWER,
        file="node/exit_room.py",
        old="        os.fsync(self._fd)\n",
        new="",
    ),
    mutant(
        "spec.json is not flushed before the claim",
        POWER,
        file="machines/agent.py",
        old="os.fsync(file.fileno())  # the shim's claim",
        new="pass  # the shim's claim",
    ),
    mutant(
        "no folder is flushed",
        POWER,
        file="system/files.py",
        old="""    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
""",
        new="""    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pass
""",
    ),
    mutant(
        "outputs are not flushed before the run is Completed",
        POWER,
        file="service/ending.py",
        old="shared.collector.make_durable, self._run_id)",
        new="lambda _: None, self._run_id)",
    ),
    Mutant(
        "the state is written before the manifest",
        (
            Edit(
                "service/ending.py",
                """        self._step("Its files could not be listed with their hashes", shared.collector.manifest, run_id)
""",
                "",
            ),
            Edit(
                "service/target_worker.py",
                "        self._ends.write(run_id, Ending(self._shared, self.engine.machine, record).reach(seen, damaged))\n",
                "        self._ends.write(run_id, Ending(self._shared, self.engine.machine, record).reach(seen, damaged))\n"
                "        self._shared.collector.manifest(run_id)\n",
            ),
        ),
        (POWER,),
    ),
    # The history.
    mutant(
        "a transaction takes the lock only when it writes",
        f"{STORE}/test_database.py::test_a_transaction_has_the_lock_from_its_beginning",
        file="store/database.py",
        old='"BEGIN IMMEDIATE"',
        new='"BEGIN"',
    ),
    mutant(
        "a terminal state is overwritten by what cleans up",
        f"{STORE}/test_history.py::test_only_legal_moves_happen",
        f"{STORE}/test_history.py::test_cancel_against_end_is_decided_once",
        file="store/run_rows.py",
        old="    legal = states.sources_of(move.status)\n",
        new="    legal = frozenset(states.ALL)\n",
    ),
    mutant(
        "a run that has not ended is older than any limit",
        f"{STORE}/test_removal.py::test_which_runs_are_candidates",
        file="store/removal.py",
        old="return ended is not None and (before is None or ended < before)",
        new="return before is None or (ended or 0.0) < before",
    ),
    # Processes.
    mutant(
        "only the process group of the script is ended",
        f"{ENDINGS}::test_cancel_ends_the_whole_tree",
        f"{ENDINGS}::test_children_left_by_a_script_that_ended_are_ended",
        file="node/script.py",
        old="        return process.end(self.family, grace, self.pause)\n",
        new="""        group = os.getpgid(min(self.family(), default=0))
        return process.end(lambda: {pid for pid in self.family() if os.getpgid(pid) == group}, grace, self.pause)
""",
    ),
    mutant(
        "a process is known by its pid alone",
        "tests/unit/system/test_process.py::test_identity",
        file="system/process.py",
        old="""return bool(who.get("start")) and _start_time(int(who["pid"])) == who["start"] and""",
        new="""return bool(_start_time(int(who["pid"]))) and""",
    ),
    mutant(
        "what was logged last is not taken in at the end",
        "tests/unit/service/test_target_worker.py::test_what_was_logged_last_is_taken_in_at_the_end",
        file="service/ending.py",
        old='        self._step("Not everything that it logged could be stored", shared.collector.journal, run_id)\n',
        new="",
    ),
    mutant(
        "a run that is not seen once has failed",
        "tests/unit/service/test_target_worker.py::test_a_run_that_never_reached_its_machine_is_handed_over_again",
        file="service/target_worker.py",
        old="return not limited and not self._has_run(run_id)",
        new="return False",
    ),
    mutant(
        "a run that was claimed is claimed again",  # in a batch system: submitted again, without a look for the first
        "tests/unit/node/test_node.py::test_a_run_is_claimed_once",
        "tests/unit/system/test_files.py::test_one_of_many_writes_a_file_once",
        file="system/files.py",
        old="os.link(part, path)",
        new="os.replace(part, path)",
    ),
    # The clock.
    mutant(
        "the time limit is measured by the clock on the wall",
        f"{CLOCK}::test_time_limit",
        file="node/script.py",
        old="deadline = None if limit is None else time.monotonic() + limit",
        new="time.monotonic = time.time\n    deadline = None if limit is None else time.monotonic() + limit",
    ),
    mutant(
        "the grace period is measured by the clock on the wall",
        f"{CLOCK}::test_grace",
        file="system/process.py",
        old="    told: set[int] = set()\n",
        new="    told: set[int] = set()\n    time.monotonic = time.time\n",
    ),
    mutant(
        "idleness is measured by the clock on the wall",
        f"{CLOCK}::test_idle_exit",
        file="service/main.py",
        old="left = context.last_seen + patience - time.monotonic()",
        new="left = context.last_seen - time.monotonic() + context.started + patience - time.time()",
    ),
    mutant(
        "a client's wait is measured by the clock on the wall",
        f"{CLOCK}::test_waiting_clients",
        file="service/routes.py",
        old="""    deadline = time.monotonic() + min(number(request, "timeout", 30), 60)
""",
        new="""    deadline = time.time() + min(number(request, "timeout", 30), 60)
    time.monotonic = time.time
""",
    ),
    # Bytes and names.
    mutant(
        "a log is read as text",
        f"{BYTES}::test_a_log_is_followed_byte_by_byte",
        file="service/transfers.py",
        old="        yield piece\n",
        new='        yield piece.decode("utf-8", "replace").encode()\n',
    ),
    mutant(
        "the place in a log is counted in characters",
        f"{BYTES}::test_a_log_is_followed_byte_by_byte",
        file="service/follow.py",
        old="offset += len(chunk)",
        new='offset += len(chunk.decode("utf-8", "replace"))',
    ),
    mutant(
        "the last line of a log waits for its end",
        f"{BYTES}::test_a_log_is_followed_byte_by_byte",
        file="service/follow.py",
        old="                offset += len(chunk)\n",
        new="""                if not last:
                    chunk = chunk[: chunk.rfind(b"\\n") + 1]
                if not chunk:
                    break
                offset += len(chunk)
""",
    ),
    mutant(
        "what comes in pieces is decoded piece by piece",
        "tests/unit/api/test_watch.py::test_a_character_may_come_in_two_pieces",
        file="api/runs/watch.py",
        old="sys.stdout.write(decoder.decode(piece))",
        new='sys.stdout.write(piece.decode("utf-8", "replace"))',
    ),
    mutant(
        "a name is decoded twice",
        f"{BYTES}::test_a_name_is_decoded_once",
        file="service/transfers.py",
        old="    path = layout.DRIVER_LOG if name == layout.STD_LOG else layout.place_of(name)\n",
        new="""    from urllib.parse import unquote

    name = unquote(name)
    path = layout.DRIVER_LOG if name == layout.STD_LOG else layout.place_of(name)
""",
    ),
    mutant(
        "infinity becomes the largest number",
        f"{SERVICE}::test_floats_that_json_lacks",
        file="spec/floats.py",
        old='"Infinity" if value > 0 else "-Infinity"',
        new='"1.7976931348623157e308" if value > 0 else "-1.7976931348623157e308"',
    ),
    # Paths.
    mutant(
        "a folder with a longer name counts as inside",
        "tests/unit/client/test_source.py::test_a_link_to_a_neighbour_of_a_similar_name_is_refused",
        file="client/source.py",
        old='real.startswith(os.path.join(self.folder, ""))',
        new="real.startswith(self.folder)",
    ),
    mutant(
        "links are followed in run directories",
        "tests/unit/system/test_confined.py::test_nothing_but_a_small_file_is_read",
        file="system/confined.py",
        old="_SAFELY = os.O_NOFOLLOW | ",
        new="_SAFELY = ",
    ),
    mutant(
        "an archive is unpacked wherever its names lead",
        f"{HOUSE}::test_nothing_that_runs_data_as_code",
        file="machines/bootstrap.py",
        old="        for name in packed.namelist():\n",
        new="        packed.extractall(part)\n        for name in packed.namelist():\n",
    ),
    mutant(
        "a command is run by a shell",
        f"{HOUSE}::test_nothing_that_runs_data_as_code",
        "tests/contract/test_machines.py::test_it_runs_commands",
        file="machines/agent.py",
        old="list(argv), input=stdin,",
        new='" ".join(argv), shell=True, input=stdin,',
    ),
    # Who may do what.
    mutant(
        "a host is recognised by a part of its name",
        f"{SERVICE}::test_a_page_cannot_reach_in_by_its_own_name",
        file="service/guard.py",
        old="_LOOPBACK.fullmatch(hosts[0])",
        new="_LOOPBACK.match(hosts[0])",
    ),
    mutant(
        "whoever deletes needs no token",
        f"{SERVICE}::test_without_the_token_nobody_gets_in",
        file="service/guard.py",
        old="        if path in PUBLIC or request.scope[SAME_USER]:\n",
        new='        if path in PUBLIC or request.method == "DELETE" or request.scope[SAME_USER]:\n',
    ),
    mutant(
        "one route needs no token",
        f"{SERVICE}::test_without_the_token_nobody_gets_in",
        file="service/guard.py",
        old="        if path in PUBLIC or request.scope[SAME_USER]:\n",
        new='        if path in PUBLIC or path.endswith("/metrics") or request.scope[SAME_USER]:\n',
    ),
    # Sweeps.
    mutant(
        "a policy compares with what others have logged later",
        SWEEP_POLICIES,
        file="sweeps/policies.py",
        old="*(best(each.values, maximize, interval) for each in trials)]",
        new="*(best(each.values, maximize) for each in trials)]",
    ),
    mutant(
        "random parameters depend on what has been tried",
        "tests/unit/sweeps/test_samplers.py::test_random_values_do_not_depend_on_what_is_known",
        file="sweeps/sampler_random.py",
        old='dice = random.Random(f"{known.seed}/{number}")',
        new='dice = random.Random(f"{known.seed}/{number}/{len(known.trials)}")',
    ),
)
