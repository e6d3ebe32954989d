import signal
import sys

from azureml.core import Run

run = Run.get_context()
if "--for-ever" in sys.argv:
    while True:
        signal.pause()
elif "--children" in sys.argv:
    for number in range(int(sys.argv[-1])):
        with run.child_run(name=f"number {number}") as child:
            child.log("square", number * number)
else:
    run.log("message", "Hello from the script!")
