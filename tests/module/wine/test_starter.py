"""Whoever reads the output of starter.py sees its end when it is stopped, whatever it has started."""

import pathlib
import socket
import subprocess
import sys
import unittest

STARTER = pathlib.Path(__file__).with_name("starter.py")


class Starter(unittest.TestCase):
    def setUp(self):
        pipe = subprocess.PIPE
        self.starter = subprocess.Popen([sys.executable, STARTER, "/bin/sh"], stdout=pipe, stderr=pipe, text=True)
        self.addCleanup(self.starter.kill)
        self.port = int(self.starter.stdout.readline())

    def start_sleeper(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(b"-c\necho ready; exec sleep 60\n\n")
        self.assertEqual(connection.recv(100), b"ready\n")
        return connection

    def test_a_program_that_ignores_the_end_of_its_input_is_ended(self):
        self.start_sleeper().close()
        self.starter.terminate()
        self.starter.communicate(timeout=10)

    def test_a_program_that_still_runs_is_ended(self):
        with self.start_sleeper():
            self.starter.terminate()
            self.starter.communicate(timeout=10)


if __name__ == "__main__":
    unittest.main()
