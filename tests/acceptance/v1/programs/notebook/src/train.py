from azureml.core import Run

run = Run.get_context()
for loss in (0.9, 0.5, 0.3):
    run.log("loss", loss)
