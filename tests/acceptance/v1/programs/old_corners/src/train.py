"""Count on from where another run stopped."""

import argparse
import os

parser = argparse.ArgumentParser()
parser.add_argument("--resume-from", default=None)
args = parser.parse_args()
count = 0
if args.resume_from:
    with open(os.path.join(args.resume_from, "count.txt"), encoding="utf-8") as file:
        count = int(file.read())
with open("outputs/count.txt", "w", encoding="utf-8") as file:
    file.write(str(count + 1))
