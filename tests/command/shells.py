"""Drives an interactive shell in a terminal, and judges what it completes.

Arguments: the shell, and a directory that it is started in. The directory holds the completions as
files that the shell loads by itself, the program `bin/arrayfs`, which writes its arguments into
`arguments`, a FIFO, and `cases`: lines that are typed before TAB, and what the program is then
given, or commands to run. `MOUNT` stands for the mount point of the one array that is mounted.
"""

import os
import pty
import re
import select
import shlex
import signal
import sys

import numpy as np

shell, directory, mount = sys.argv[1:]
# Both the terminal and the FIFO are read without an end if a shell does not go on.
signal.alarm(60)

HOME = f"{directory}/home"
ENVIRONMENT = {
    "HOME": HOME,
    "PATH": f"{directory}/bin:{os.environ['PATH']}",
    "TERM": "xterm",
    "LC_ALL": "C.UTF-8",
    "XDG_DATA_HOME": f"{HOME}/data",
    "XDG_CONFIG_HOME": f"{HOME}/config",
    "ZDOTDIR": HOME,
}
COMMANDS = {
    "bash": ["bash", "--rcfile", f"{HOME}/bashrc", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "-i"],
}
PROMPT = b"READY>"


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            os.execvpe(shell, COMMANDS[shell], ENVIRONMENT)
        # Opened for writing too, so that it has no end between two commands.
        self.arguments = os.open(f"{directory}/arguments", os.O_RDWR)
        shown = b""
        while PROMPT not in shown:
            shown += os.read(self.terminal, 1 << 16)

    def complete(self, typed):
        """What the command is given after TAB and Enter."""
        os.write(self.terminal, f"{typed}\t\r".encode())
        given = b""
        while not given.endswith(b"\0\n"):
            ready, _, _ = select.select([self.terminal, self.arguments], [], [])
            if self.terminal in ready:
                os.read(self.terminal, 1 << 16)
            if self.arguments in ready:
                given += os.read(self.arguments, 1 << 16)
        return given.decode().removesuffix("\0\n").split("\0")


np.savez(f"{directory}/many.npz", first=np.arange(3), second=np.arange(4))
terminal = Terminal()


def comparable(word):
    """The word without what shells differ in: a slash behind a directory, and how a mount point is
    written."""
    option, path = re.fullmatch("(--unmount=)?(.*)", word.rstrip("/"), re.DOTALL).groups("")
    path = os.path.join(os.readlink(f"/proc/{terminal.process}/cwd"), path)
    return option + os.path.realpath(path) if os.path.ismount(path) else word.rstrip("/")


wrong = []
with open(f"{directory}/cases", encoding="utf-8") as cases:
    for case in cases.read().splitlines():
        if " => " not in case:
            os.write(terminal.terminal, f"{case}\r".encode())
            continue
        typed, expected = case.split(" => ")
        typed = typed.replace("MOUNT", shlex.quote(mount))
        expected = [word.replace("MOUNT", mount) for word in expected.split(" ")]
        given = terminal.complete(typed)
        if [comparable(word) for word in given] != expected:
            wrong.append(f"{shell}: {typed!r} became {given}, not {expected!r}")
os.kill(terminal.process, signal.SIGHUP)
sys.exit("\n".join(wrong) or 0)
