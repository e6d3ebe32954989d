"""The script that every peer starts: says when its first line ran and when it ended."""

import time

first = time.time()

import sys  # noqa: E402

with open(sys.argv[1], "a") as file:
    file.write(f"first {first!r}\n")
    file.write(f"last {time.time()!r}\n")
print("trained")
