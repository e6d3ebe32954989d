"""Table of the classes of SDK v1 whose settings are stored, but have no effect: modules, class, parameters."""

STORED = (
    ("core.container_registry", "RegistryIdentity", "(resource_id=None, client_id=None)"),
    ("core.databricks core.runconfig", "MavenLibrary", "(coordinates=None, repo=None, exclusions=None)"),
    ("core.databricks core.runconfig", "PyPiLibrary", "(package=None, repo=None)"),
    ("core.databricks core.runconfig", "RCranLibrary", "(package=None, repo=None)"),
    ("core.databricks core.runconfig", "JarLibrary", "(library=None)"),
    ("core.databricks core.runconfig", "EggLibrary", "(library=None)"),
    (
        "core.databricks",
        "DatabricksCluster",
        (
            "(existing_cluster_id=None, spark_version=None, node_type=None, instance_pool_id=None, num_workers=None, "
            "min_workers=None, max_workers=None, spark_env_variables=None, spark_conf=None, init_scripts=None, "
            "cluster_log_dbfs_path=None, permit_cluster_restart=None)"
        ),
    ),
    ("core.databricks core.environment", "DatabricksSection", "(_skip_defaults=False)"),
    ("core.databricks", "DatabricksEnvironment", "(_skip_defaults=False)"),
    ("core.environment", "DockerImageDetails", ""),
    ("core.environment", "DockerImagePlatform", "(os='Linux', architecture='amd64')"),
    ("core.environment", "EnvironmentReference", "(name=None, version=None, label=None)"),
    ("core.environment", "RSection", ""),
    ("core.environment", "RCranPackage", "(name=None, version=None, repository=None)"),
    ("core.environment", "RGitHubPackage", "(repository=None, auth_token=None)"),
    ("core.environment core.runconfig", "SparkPackage", "(group=None, artifact=None, version=None)"),
    ("core.runconfig", "ApplicationEndpointConfiguration", "(type=None, port=None, properties=None, nodes=None)"),
    ("core.runconfig", "AbstractRunConfigElement", ""),
    ("core.runconfig", "BatchAiConfiguration", "(node_count=1)"),
    ("core.runconfig", "DataLocation", "(dataset=None, data_path=None, uri=None)"),
    ("core.runconfig", "DataPath", "(datastore_name=None, relative_path=None)"),
    ("core.runconfig", "DatacacheConfiguration", ""),
    ("core.runconfig", "Dataset", "(dataset_id=None, dataset_name=None, dataset_version=None)"),
    ("core.runconfig", "DatasetRegistrationOptions", "(additional_transformation=None)"),
    ("core.runconfig", "GlobsOptions", "(globs=None)"),
    ("core.runconfig", "MountOptions", "(disable_metadata_cache=None)"),
    ("core.runconfig", "OutputDataLocation", "(dataset=None, data_path=None, uri=None)"),
    (
        "core.runconfig",
        "OutputOptions",
        "(path_on_compute=None, registration_options=None, upload_options=None, mount_options=None)",
    ),
    (
        "core.runconfig",
        "RegistrationOptions",
        "(name=None, description=None, tags=None, properties=None, dataset_registration_options=None)",
    ),
    ("core.runconfig", "UploadOptions", "(overwrite=None, source_globs=None)"),
    ("core.runconfig", "Uri", "(path=None, is_file=None)"),
    ("core.compute.batchai", "AutoScaleSettings", ""),
    ("core.compute.batchai", "ManualScaleSettings", ""),
    ("core.compute.batchai", "RequestedScaleSettings", ""),
    ("core.compute.compute", "ComputeTargetUpdateConfiguration", "(compute=None)"),
)
