"""Has nano open a file in a terminal, types keys, saves, and leaves. Prints what nano says of the file that it wrote,
and ends with its status."""

import os
import pty
import re
import sys

path, keys = sys.argv[1], sys.argv[2].encode()
process, terminal = pty.fork()
if process == 0:
    os.environ |= {"TERM": "vt100", "LINES": "24", "COLUMNS": "80"}
    os.execvp("nano", ["nano", "--ignorercfiles", "--nonewlines", path])


def shows(text: bytes) -> bytes:
    """What is on the screen once it shows `text`, a regular expression."""
    seen = b""
    while not (found := re.search(text, seen)):
        seen += os.read(terminal, 4096)
    return found[0]


shows(rb"\^X")
os.write(terminal, keys + b"\x0f")  # Write Out
shows(rb"Name to Write")
os.write(terminal, b"\r")
said = shows(rb"Wrote \d+ line|Error writing [^\x1b]*")
os.write(terminal, b"\x18" if said.startswith(b"Wrote") else b"\x18n")  # Exit, without saving
try:
    while os.read(terminal, 4096):
        pass
except OSError:  # EIO: nano has left the terminal.
    pass
status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
sys.exit(status if said.startswith(b"Wrote") else said.decode())
