"""Starts a program for each connection, for starter.c: starter.py PROGRAM. Prints its port, and serves until it is
stopped."""

import os
import signal
import socket
import subprocess
import sys
import threading


def serve(connection: socket.socket, program: str) -> None:
    with connection, connection.makefile("rb") as lines:
        arguments = []
        while argument := lines.readline().decode().rstrip("\r\n"):
            arguments.append(argument)
        with subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            connection.sendall(process.stdout.readline())
            try:
                lines.read()
            except ConnectionError:
                pass  # the other side was ended
            process.kill()  # also one that does not end with its input


def main() -> None:
    # Whoever reads this program's output waits for the end of every process that has it too.
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    os.setpgrp()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, sys.argv[1]), daemon=True).start()


main()
