"""Takes names for a mount's device, with the number of a process that has ended (`dead`) or of one
that does not, and keeps them."""

import os
import socket
import sys
import time

device, namespace, process = sys.argv[1:]
if process == "dead":
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
kept = []
for name in [f"{device}/{process}", f"{device}/{namespace}/{process}/0"]:
    kept.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    kept[-1].bind("\0arrayfs/" + name)
print("ready", flush=True)
time.sleep(600)
