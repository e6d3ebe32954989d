"""Table of the members of datasets in SDK v1 that are not available here: name, parameters, sentence."""

_PROFILE = "Datasets have no profiles here: use dataset.to_pandas_dataframe().describe()."
_SNAPSHOT = "Datasets have no snapshots here: register a new version (register(…, create_new_version=True))."
_DEFINITION = "A dataset has one definition: create it again, and register it with create_new_version=True."
_ARCHIVE = "Datasets are not archived here: dataset.unregister_all_versions() removes a dataset and keeps its files."

_OUTPUT = "Register the output (register_on_complete), and read its files with Dataset.Tabular and Dataset.File."
_KIND = "the method says what kind the files are: Dataset.Tabular.from_delimited_files or from_parquet_files"
_FRAME = "Collect the table to pandas, and register it: Dataset.Tabular.register_pandas_dataframe(…)."
_QUERY = "Query databases with pandas.read_sql, and register the table: Dataset.Tabular.register_pandas_dataframe(…)."
_NO_HDFS = "Spark and HDFS are not part of Trainshed: use as_mount() or as_download()."

MEMBERS = (
    ("archive", "()", _ARCHIVE),
    ("deprecate", "(deprecate_by_dataset_id)", _ARCHIVE),
    ("reactivate", "()", _ARCHIVE),
    (
        "create_snapshot",
        "(snapshot_name, compute_target=None, create_data_snapshot=False, target_datastore=None)",
        _SNAPSHOT,
    ),
    ("get_snapshot", "(snapshot_name)", _SNAPSHOT),
    ("get_all_snapshots", "()", _SNAPSHOT),
    ("delete_snapshot", "(snapshot_name)", _SNAPSHOT),
    ("definition()", "", _DEFINITION),
    ("definition_version()", "", _DEFINITION),
    ("get_definition", "(version_id=None)", _DEFINITION),
    ("get_definitions", "()", _DEFINITION),
    ("update_definition", "(definition, definition_update_message)", _DEFINITION),
    ("get_profile", "(arguments=None, generate_if_not_exist=True, workspace=None, compute_target=None)", _PROFILE),
    ("generate_profile", "(compute_target=None, workspace=None, arguments=None)", _PROFILE),
    ("submit_profile", "(compute_target, experiment, cache_datastore_name=None)", _PROFILE),
    ("get_profile_runs", "(workspace)", _PROFILE),
    (
        "compare_profiles",
        (
            "(rhs_dataset, profile_arguments=None, include_columns=None, exclude_columns=None, "
            "histogram_compare_method=None)"
        ),
        _PROFILE,
    ),
    ("diff", "(rhs_dataset, compute_target=None, columns=None)", "Compare tables with pandas: left.compare(right)."),
    (
        "from_excel_files",
        (
            "(path, sheet_name=None, use_column_headers=False, skip_rows=0, include_path=False, "
            "infer_column_types=True, partition_format=None)"
        ),
        "Read Excel files with pandas, and register the table: Dataset.Tabular.register_pandas_dataframe(…).",
    ),
    (
        "from_sql_query",
        "(data_source, query, query_timeout=30)",
        _QUERY,
    ),
    ("to_spark_dataframe", "()", "Spark is not part of Trainshed: use dataset.to_pandas_dataframe()."),
    ("to_dask_dataframe", "(sample_size=10000, dtypes=None, on_error='null')", "Use dataset.to_pandas_dataframe()."),
    ("as_cache", "(datacache_store)", "Data is not cached apart: use dataset.as_mount() or dataset.as_download()."),
    ("as_hdfs", "()", _NO_HDFS),
    (
        "hydrate",
        "(datastore=None, path=None)",
        "Data is not copied before runs: use dataset.as_mount() or dataset.as_download().",
    ),
)

OTHERS = (
    ("data.dataset_type_definitions", "FileType", "", _KIND),
    ("data.dataset_type_definitions", "FileHandlingOption", "", _KIND),
    (
        "data.dataset_factory",
        "TabularFactory.from_sql_query",
        "(query, validate=True, set_column_types=None, query_timeout=30)",
        _QUERY,
    ),
    (
        "data.dataset_factory",
        "TabularFactory.register_spark_dataframe",
        "(dataframe, target, name, description=None, tags=None, show_progress=True)",
        _FRAME,
    ),
    (
        "data.dataset_factory",
        "TabularFactory.register_dask_dataframe",
        "(dataframe, target, name, description=None, tags=None, show_progress=True)",
        _FRAME,
    ),
    ("data.dataset_consumption_config", "DatasetConsumptionConfig.as_hdfs", "()", _NO_HDFS),
    ("data.output_dataset_config", "OutputFileDatasetConfig.as_hdfs", "()", _NO_HDFS),
    (
        "data.output_dataset_config",
        "OutputFileDatasetConfig.read_delimited_files",
        (
            "(include_path=False, separator=',', header=None, partition_format=None, path_glob=None, "
            "set_column_types=None)"
        ),
        _OUTPUT,
    ),
    (
        "data.output_dataset_config",
        "OutputFileDatasetConfig.read_parquet_files",
        "(include_path=False, partition_format=None, path_glob=None, set_column_types=None)",
        _OUTPUT,
    ),
)
