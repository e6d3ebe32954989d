"""Trouble that is not the script's own: training continues, and nothing of the script's is touched."""

from __future__ import annotations

import json
from typing import Any

HEAD = "import os, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"


def test_full_disk_costs_no_descriptors(job: Any) -> None:
    (job.folder / "journal.jsonl").symlink_to("/dev/full")
    code = HEAD + "count = lambda: len(os.listdir('/dev/fd'))\nrun.log('a', 1.0); before = count()\n"
    assert job.said(code + "for i in range(500): run.log('a', 1.0)\nprint(count() - before)") == "0\n"


def test_file_of_the_script_never_gets_a_metric(job: Any) -> None:
    code = (
        "run.log('a', 1); os.closerange(3, 2000)\nfiles = [open(f'mine{i}', 'wb', 0) for i in range(50)]\n"
        "run.log('a', 2); print(sum(os.path.getsize(file.name) for file in files))"
    )
    assert job.said(HEAD + code) == "0\n"
    assert [event["v"] for event in job.events()] == [1, 2]


def test_descriptor_is_not_inherited(job: Any) -> None:
    code = HEAD + (
        "run.log('a', 1)\nimport subprocess\n"
        "ours = os.stat(run.folder + '/journal.jsonl')\nseen = \"import os; print([fd for fd in os.listdir('/dev/fd') "
        "if os.path.exists('/dev/fd/' + fd) and os.stat('/dev/fd/' + fd).st_ino == %d])\" % ours.st_ino\n"
        "subprocess.run([sys.executable, '-c', seen], close_fds=False, check=True)"
    )
    assert job.said(code) == "[]\n"


def test_limit_on_file_sizes(job: Any) -> None:
    code = HEAD + (
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "for i in range(100): run.log('a', i)\n"
        "run.upload_file('big', sys.executable); print('on', os.listdir('..'))"
    )
    done = job.run(code)
    assert done.stdout.startswith("on")
    assert ".upload" not in done.stdout
    assert done.stderr.count("training continues") == 2
    lines = (job.folder / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["v"] for line in lines[:10]] == list(range(10))


def test_folder_that_is_gone(job: Any) -> None:
    code = (
        HEAD + "import shutil; shutil.rmtree(run.folder); os.chdir('/')\nrun.log('a', 1); run.tag('k'); print(run.tags)"
    )
    done = job.run(code)
    assert done.stdout == "{}\n"
    assert done.stderr.count("training continues") == 1


def test_no_standard_error(job: Any) -> None:
    code = HEAD + (
        "sys.stderr.close(); run.log('a', None); sys.stderr = None; run.log('b', None); run.cancel(); print('on')"
    )
    assert job.said(code) == "on\n"
    assert [event["v"] for event in job.events()] == ["None", "None"]


def test_warnings_are_said_once(job: Any) -> None:
    assert job.run(HEAD + "for i in range(9): run.log('a', None)").stderr.count("its text is stored") == 1


def test_environment_and_folder_may_change(job: Any) -> None:
    code = HEAD + "os.environ.clear(); os.chdir('/'); Run.get_context().log('a', 1); print(Run.get_context() is run)"
    assert job.said(code) == "True\n"
    assert len(job.events()) == 1


def test_fork_while_a_thread_holds_the_lock(job: Any) -> None:
    code = HEAD + (
        "import threading\nheld, done = threading.Event(), threading.Event()\n"
        "def hold():\n    with run._journal._lock: held.set(); done.wait()\n"
        "thread = threading.Thread(target=hold); thread.start(); held.wait()\n"
        "child = os.fork()\n"
        "if not child: run.log('child', 1); os._exit(0)\n"
        "os.waitpid(child, 0); done.set(); thread.join(); run.log('parent', 1)"
    )
    assert job.run(code).returncode == 0
    assert [event["n"] for event in job.events()] == ["child", "parent"]


def test_names_without_end_do_not_fill_memory(job: Any) -> None:
    code = HEAD + "for i in range(10050): run.log('n%d' % i, 1.0)\nprint(len(run._journal._heads) <= 10000)"
    assert job.said(code) == "True\n"
    assert len(job.events()) == 10050


def test_pickle_may_ask_every_module_for_every_name(job: Any) -> None:
    code = HEAD + (
        "import pickle, trainshed\nclass Kind:\n    __module__ = None\n    def __reduce__(self): return 'thing'\n"
        "thing = Kind()\nprint(len(pickle.dumps(thing)) > 0, hasattr(trainshed, 'x'), hasattr(run, 'x'))"
    )
    assert job.said(code) == "True False False\n"
