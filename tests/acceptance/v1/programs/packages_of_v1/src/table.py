import pandas as pd

from azureml.core import Dataset, Run

run = Run.get_context()
table = run.input_datasets["rain"].to_pandas_dataframe()
assert isinstance(table, pd.DataFrame)
assert Dataset.get_by_name(run.experiment.workspace, "rain").version == 1
run.log("mm", int(table["mm"].sum()))
