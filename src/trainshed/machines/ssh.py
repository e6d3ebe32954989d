"""The user's own OpenSSH as a way to a machine, and its complaints in words that say what to do.

Who gets in is decided by OpenSSH's configuration, keys, agent and known hosts. We never prompt, never become the
master of a shared connection, and never accept a host key that has changed.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.machines.ways import Trouble

_OURS = {
    "BatchMode": "yes",
    "LogLevel": "ERROR",  # no banners, but all that goes wrong
    "ConnectTimeout": "20",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "3",
    # The user's settings for sessions of their own; some of them would fail here, or outlive us.
    "ControlMaster": "no",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
}
_SECONDS = 30.0
_NO_LINE = 255
"""OpenSSH's exit code where there was no connection; any other is that of the command over there."""
_OWN_CONTROL_PATH = "~/.ssh/trainshed-%C"
_CLOSED = "exit 255"
"""Takes the place of a new connection where only one that is open may be used."""


class Ssh(NamedTuple):
    """A host, as ``ssh`` knows it.

    Attributes:
        host: a name of the ssh configuration, or an address.
        user: login name; ``""`` for what the configuration says.
        port: port of the server; 0 for what the configuration says.
        key: file of a private key, which is then the only one that is offered.
        config: another configuration file than the user's own.
        reuse: use only a connection that the user has opened, for logins with a second factor.
    """

    host: str
    user: str = ""
    port: int = 0
    key: str = ""
    config: str = ""
    reuse: bool = False

    @property
    def name(self) -> str:
        """Return the host; see :attr:`Way.name`."""
        return self.host

    def address(self) -> str:
        """Return the address, or the name of one, to which the configuration leads."""
        return self._settings().get("hostname", self.host)

    def _which(self) -> Tuple[str, ...]:
        """Return the options that the user would type, too."""
        words: List[str] = []
        words += ["-F", self.config] if self.config else []
        words += ["-l", self.user] if self.user else []
        words += ["-p", str(self.port)] if self.port else []
        words += ["-i", self.key, "-o", "IdentitiesOnly=yes"] if self.key else []
        return tuple(words)

    def _typed(self, *words: str) -> str:
        return shlex.join(["ssh", *self._which(), *words])

    def by_hand(self) -> str:
        """Return ``ssh host true``; see :meth:`Way.by_hand`."""
        return self._typed(self.host, "true")

    def environ(self) -> Optional[Dict[str, str]]:
        """Return variables that keep OpenSSH from asking, also that of a jump host; see :meth:`Way.environ`."""
        return {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}

    def command(self) -> Tuple[str, ...]:
        """Return the command; see :meth:`Way.command`."""
        settings, more = self._settings(), dict(_OURS)
        if settings.get("stricthostkeychecking") in ("false", "no", "off"):
            more["StrictHostKeyChecking"] = "accept-new"  # which does not accept a key that has changed
        if self.reuse:
            more.update(ProxyJump="none", ProxyCommand=_CLOSED, ControlPath=_control_path(settings))
        options = [word for name, value in more.items() for word in ("-o", f"{name}={value}")]
        return ("ssh", *self._which(), *options, self.host)

    def _settings(self) -> Dict[str, str]:
        """Return what the configuration says about the host; the first value of each setting."""
        own = ("-o", f"ControlPath={_OWN_CONTROL_PATH}") if self.reuse else ()
        found: Dict[str, str] = {}
        # The user's own path goes first, as the first value counts.
        for words in ((), own) if self.reuse else ((),):
            for line in _said(["ssh", "-G", *self._which(), *words, self.host])[1].splitlines():
                name, _, value = line.partition(" ")
                if value != "none":
                    found.setdefault(name, value)
        return found

    def blocked(self) -> str:
        """Return a sentence if the user has opened no connection that could be used; see :meth:`Way.blocked`."""
        if not self.reuse:
            return ""
        path = _control_path(self._settings())
        if _said(["ssh", *self._which(), "-S", path, "-O", "check", self.host])[0] == 0:
            return ""
        return (
            f"no connection to '{self.host}' is open, and this target uses only one that you have opened. Open it and "
            f"log in: {self._typed('-fNM', '-S', path, self.host)}"
        )

    def trouble(self, code: int, said: str) -> Optional[Trouble]:
        """Return what OpenSSH's complaint means; see :meth:`Way.trouble`."""
        if code != _NO_LINE:
            return self._no_shell(code, said)
        for part, sentence in (
            ("REMOTE HOST IDENTIFICATION HAS CHANGED", self._changed),
            ("Host key verification failed", self._unknown),
            ("UNPROTECTED PRIVATE KEY FILE", self._open_key),
            ("Too many authentication failures", self._too_many),
            ("Permission denied", self._denied),
            ("Bad owner or permissions", _as_said),
            ("Bad configuration option", _as_said),
            ("no such identity", _as_said),
        ):
            if part in said:
                return Trouble(sentence(said), True)
        if self.reuse:
            why = self.blocked()
            return Trouble(why, True) if why else None
        return self._passing(said)

    def _passing(self, said: str) -> Optional[Trouble]:
        """Return what is wrong with the way there, which may be well again in a moment."""
        server = re.search(r"connect to host (\S+) port (\d+)", said)
        at = f"port {server[2]} of {server[1]}" if server else f"'{self.host}'"
        for part, sentence in (
            ("Could not resolve hostname", "there is no host of that name, as far as this machine knows"),
            ("Connection refused", f"no SSH server listens at {at}"),
            ("timed out", f"{at} does not answer"),
            ("No route to host", f"there is no route to {at}"),
            ("Network is unreachable", f"there is no network that leads to {at}"),
        ):
            if part in said:
                return Trouble(f"{sentence}. Check the address and the network: {self.by_hand()}", False)
        return None

    def _no_shell(self, code: int, said: str) -> Optional[Trouble]:
        words = " ".join(said.split())[-200:]
        return Trouble(
            f"the login works, but the account runs no commands (exit code {code}{f': {words}' if words else ''}). It "
            f"needs a shell: {self.by_hand()}",
            True,
        )

    def _changed(self, said: str) -> str:
        key = re.search(r"fingerprint for the (\S+) key sent by the remote host is\s+(\S+?)\.?\s", said)
        kept = re.search(r"Offending \S+ key in (.+?):(\d+)", said)
        name = re.search(r"Host key for (\S+) has changed", said)
        remove = shlex.join(["ssh-keygen", "-f", kept[1], "-R", name[1] if name else self.host]) if kept else ""
        return (
            f"its host key has changed{f': it is now {key[2]} ({key[1]})' if key else ''}, and line "
            f"{kept[2] if kept else '?'} of {kept[1] if kept else 'known_hosts'} has another. Either the host was "
            "installed anew, or somebody else answers in its place. Ask its administrator; if the new key is right, "
            f"remove the old one: {remove}"
        )

    def _unknown(self, _: str) -> str:
        words = ["ssh", "-v", *self._which(), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        told = _said([*words, self.host, "true"], self.environ())[2]
        found = re.findall(r"Server host key: (\S+) (SHA256:\S+)", told)
        key = f": {found[-1][1]} ({found[-1][0]})" if found else ""
        return (
            f"its host key is not known yet{key}. If that is the fingerprint which the host's administrator names, "
            f"accept it: {self._typed('-o', 'StrictHostKeyChecking=ask', self.host, 'true')}"
        )

    def _denied(self, said: str) -> str:
        found = re.search(r"(\S+): Permission denied \((.*?)\)", said)
        who, methods = (found[1], found[2]) if found else (self.host, "")
        sentence = f"{who} refuses the login{f' (it accepts: {methods})' if methods else ''}. Check the user name, and "
        copy = ["-F", self.config] * bool(self.config) + ["-p", str(self.port)] * bool(self.port)
        copy += ["-i", self.key] * bool(self.key)
        # 'ssh-copy-id' has no option for the user.
        whom = f"{self.user}@{self.host}" if self.user else self.host
        sentence += f"put your key there: {shlex.join(['ssh-copy-id', *copy, whom])}"
        if not _agent_answers():
            sentence += (
                ". A key with a passphrase takes an ssh-agent, and the service knows none that runs: start one, "
                "'ssh-add' the key, and have the service start again: trainshed service stop (runs continue)"
            )
        if {"keyboard-interactive", "password"} & set(methods.split(",")):
            sentence += ". For a login with a password or a second factor, open a connection yourself (setting reuse)"
        return sentence

    def _too_many(self, _: str) -> str:
        return (
            "your agent offers so many keys that the server refuses before the right one. Name that: IdentityFile and "
            f"IdentitiesOnly yes in your ssh configuration, or the target's setting key; {self.by_hand()}"
        )

    def _open_key(self, said: str) -> str:
        found = re.search(r"Permissions (\d+) for '(.+?)' are too open", said)
        name = found[2] if found else self.key
        return f"other users can read the private key, so it is not used. Run: {shlex.join(['chmod', '600', name])}"


def _as_said(said: str) -> str:
    return " ".join(said.split())[-300:].rstrip(".")


def _control_path(settings: Dict[str, str]) -> str:
    return settings.get("controlpath", "").replace("%", "%%")


def _said(argv: Sequence[str], environ: Optional[Dict[str, str]] = None) -> Tuple[int, str, str]:
    """Return exit code, output and complaints of a program that ends soon."""
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environ,
            start_new_session=True,  # without a terminal to ask at
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _NO_LINE, "", str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _agent_answers() -> bool:
    """Tell whether the ssh-agent of the session that has started the service still runs."""
    path = os.environ.get("SSH_AUTH_SOCK", "")
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(path)
        except OSError:
            return False
    return bool(path)
