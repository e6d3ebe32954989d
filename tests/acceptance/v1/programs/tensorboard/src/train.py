import os

from azureml.core import Run

run = Run.get_context()
for step, loss in enumerate((0.9, 0.5, 0.3)):
    run.log("loss", loss, step=step)
os.makedirs("logs", exist_ok=True)
with open("logs/note.txt", "w") as file:
    file.write("event files would be here")
