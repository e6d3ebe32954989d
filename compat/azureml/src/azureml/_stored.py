"""Table of the classes of SDK v1 whose settings are stored, but have no effect: modules, class, parameters."""

STORED = (
    ("core.resource_configuration", "ResourceConfiguration", "(cpu=None, memory_in_gb=None, gpu=None)"),
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
    ("core.compute.batchai", "AutoScaleSettings", ""),
    ("core.compute.batchai", "ManualScaleSettings", ""),
    ("core.compute.batchai", "RequestedScaleSettings", ""),
    ("core.compute.compute", "ComputeTargetUpdateConfiguration", "(compute=None)"),
)
