"""Table of the SDK v1 names that concern only Azure's cloud. ``_made`` creates classes and members from it.

To add a name, add a row. A module of the table needs no file (see ``_modules``); it has one if people use it so much
that editors and type checkers should know it.
"""

from __future__ import annotations

from typing import NamedTuple

from azureml import _old_datasets
from azureml._stored import STORED
from trainshed.errors import ComputeTargetException, TrainshedError, UserErrorException


class Row(NamedTuple):
    """A class, a function, or several members of a class.

    Attributes:
        modules: modules in ``azureml`` that export the name, separated by spaces.
        name: ``"Class"``, ``"Class(Base)"``, ``"function"``, ``"Class.member other_member"`` or
            ``"Class.property()"``. A class that has no row is a class of Trainshed.
        signature: parameters and defaults in SDK v1, without ``self``; ``""`` accepts any arguments.
        instead: alternative, as a clause, or as a complete sentence with a period. If ``""``, using the name does
            nothing and raises no error.
        error: exception class raised on use.
    """

    modules: str
    name: str
    signature: str = ""
    instead: str = "runs, data and models are stored on your own machines"
    error: type[TrainshedError] = UserErrorException


_BUILT = "environments are built when a run needs them, and cached"
_CLUSTER = "it is an Azure service; create a cluster of nodes on this machine instead (AmlCompute)"
_FOLDER = "mount or copy the data to a folder and register it: Datastore.register_folder(ws, name, path)"
_IMAGE = "build the image and use its name: Environment.from_docker_image(…)"
_IDENTITY = "Runs have the permissions of the service's user; managed identities exist only in Azure."
_INPUT = "put dataset.as_named_input(name) into arguments, script_params or inputs"
_KUBERNETES = (
    "Kubernetes is planned for a later release; until then use a cluster of nodes on this machine (AmlCompute)"
)
_NETWORK = "the service only accepts connections from this machine"
_SECRETS = "store secrets with ws.get_default_keyvault()"
_QUERY = "query the database in the script, or save what the query returns to a file and register that"
_CALL = "deploy it, and call the web service: Webservice.deploy_from_image(ws, name, image).run(input_data)"
_VERSIONS = (
    "one version of a web service answers: deploy it with Model.deploy(…), and the next one with service.update(…), "
    "which takes over without a failed request"
)
SERVE = "deploy the models on this machine: Model.deploy(ws, name, models, inference_config)"
_TARGET = "use ComputeTarget(ws, name), or compute_target='local'"
_LEGACY = "core.compute_target core"

ROWS = (
    *(Row("data.abstract_dataset", f"AbstractDataset.{name}", *about) for name, *about in _old_datasets.MEMBERS),
    *(Row(*row) for row in _old_datasets.OTHERS),
    Row(
        "core.authentication",
        "InteractiveLoginAuthentication(AbstractAuthentication)",
        "(force=False, tenant_id=None, cloud=None)",
        "",
    ),
    Row("core.authentication", "AzureCliAuthentication(AbstractAuthentication)", "(cloud=None)", ""),
    Row(
        "core.authentication",
        "ServicePrincipalAuthentication(AbstractAuthentication)",
        "(tenant_id, service_principal_id, service_principal_password, cloud='AzureCloud', _enable_caching=True)",
        "",
    ),
    Row("core.authentication", "MsiAuthentication(AbstractAuthentication)", "(identity_config=None, cloud=None)", ""),
    Row("core.authentication", "ArmTokenAuthentication(AbstractAuthentication)", "(arm_access_token, cloud=None)", ""),
    Row(
        "core.authentication",
        "TokenAuthentication(AbstractAuthentication)",
        "(get_token_for_audience, cloud=None)",
        "",
    ),
    Row(
        "core",
        "Workspace.update_dependencies",
        "(container_registry=None, force=False)",
        "settings are in config.json of the workspace folder (ws.path)",
    ),
    Row(
        "core",
        "Workspace.add_private_endpoint",
        "(private_endpoint_config, private_endpoint_auto_approval=True, location=None, show_output=True, tags=None)",
        _NETWORK,
    ),
    Row(
        "core",
        "Workspace.delete_private_endpoint_connection",
        "(private_endpoint_connection_name)",
        _NETWORK,
    ),
    Row("core", "Workspace.private_endpoints()", "", _NETWORK),
    Row(
        "core", "Workspace.service_context()", "", "the address of the service is printed by 'trainshed service access'"
    ),
    Row("core", "Workspace.linked_services()", "", "runs run on this machine and its clusters (ComputeTarget)"),
    Row("core", "Workspace.list_keys", "()", _SECRETS),
    Row("core", "Workspace.sync_keys", "(no_wait=False)", _SECRETS),
    Row(
        "core",
        "Workspace.diagnose_workspace",
        "(diagnose_parameters)",
        "'trainshed service status' shows the state of the service",
    ),
    Row("core", "Workspace.set_connection", "(name, category, target, authType, value)", _SECRETS),
    Row("core", "Workspace.list_connections", "(category=None, target=None)", _SECRETS),
    Row("core", "Workspace.get_connection", "(name)", _SECRETS),
    Row("core", "Workspace.delete_connection", "(name)", _SECRETS),
    Row(
        "core",
        "Experiment.from_directory",
        "(path, auth=None)",
        "Folders are not attached to experiments: use Experiment(workspace, name).",
    ),
    Row(
        "core",
        "Environment.from_docker_build_context",
        "(name, docker_build_context)",
        _IMAGE,
    ),
    Row("core", "Environment.get_image_details", "(workspace)", _BUILT),
    Row(
        "core",
        "Datastore.register_azure_blob_container",
        "(workspace, datastore_name, container_name, account_name, sas_token=None, account_key=None, protocol=None, "
        "endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False, blob_cache_timeout=None, "
        "grant_workspace_access=False, subscription_id=None, resource_group=None)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_file_share",
        "(workspace, datastore_name, file_share_name, account_name, sas_token=None, account_key=None, protocol=None, "
        "endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_data_lake",
        "(workspace, datastore_name, store_name, tenant_id=None, client_id=None, client_secret=None, "
        "resource_url=None, authority_url=None, subscription_id=None, resource_group=None, overwrite=False, "
        "grant_workspace_access=False)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_data_lake_gen2",
        "(workspace, datastore_name, filesystem, account_name, tenant_id=None, client_id=None, client_secret=None, "
        "resource_url=None, authority_url=None, protocol=None, endpoint=None, overwrite=False, subscription_id=None, "
        "resource_group=None, grant_workspace_access=False)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_sql_database",
        "(workspace, datastore_name, server_name, database_name, tenant_id=None, client_id=None, client_secret=None, "
        "resource_url=None, authority_url=None, endpoint=None, overwrite=False, username=None, password=None, "
        "subscription_id=None, resource_group=None, grant_workspace_access=False, **kwargs)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_postgre_sql",
        "(workspace, datastore_name, server_name, database_name, user_id, user_password, port_number=None, "
        "endpoint=None, overwrite=False, enforce_ssl=True, **kwargs)",
        _FOLDER,
    ),
    Row(
        "core",
        "Datastore.register_azure_my_sql",
        "(workspace, datastore_name, server_name, database_name, user_id, user_password, port_number=None, "
        "endpoint=None, overwrite=False, **kwargs)",
        _FOLDER,
    ),
    Row("data.azure_data_lake_datastore", "AzureDataLakeDatastore", "", _FOLDER),
    Row("data.azure_data_lake_datastore", "AzureDataLakeGen2Datastore", "", _FOLDER),
    Row("data.azure_sql_database_datastore", "AzureSqlDatabaseDatastore", "", _FOLDER),
    Row("data.azure_postgre_sql_datastore", "AzurePostgreSqlDatastore", "", _FOLDER),
    Row("data.azure_my_sql_datastore", "AzureMySqlDatastore", "", _FOLDER),
    Row("data.dbfs_datastore", "DBFSDatastore", "", _FOLDER),
    Row("data.sql_data_reference", "SqlDataReference", "", _QUERY),
    Row("data.stored_procedure_parameter", "StoredProcedureParameter", "", _QUERY),
    Row("data.stored_procedure_parameter", "StoredProcedureParameterType", "", _QUERY),
    Row("core", "Datastore.register_dbfs", "(workspace, datastore_name)", _FOLDER),
    Row(
        "core",
        "Datastore.register_hdfs",
        "(workspace, datastore_name, protocol, namenode_address, hdfs_server_certificate, kerberos_realm, "
        "kerberos_kdc_address, kerberos_principal, kerberos_keytab=None, kerberos_password=None, overwrite=False)",
        _FOLDER,
    ),
    Row("core core.linked_service", "LinkedService"),
    Row("core core.linked_service", "LinkedService.register get list unregister"),
    Row("core core.linked_service", "SynapseWorkspaceLinkedServiceConfiguration"),
    Row("core core.private_endpoint", "PrivateEndPoint", "", _NETWORK),
    Row("core core.private_endpoint", "PrivateEndPointConfig", "", _NETWORK),
    Row(
        "core.model",
        "InferenceConfig.build_create_payload build_profile_payload validation_script_content",
        "",
        SERVE,
    ),
    Row(
        "core",
        "Model.add_dataset_references",
        "(datasets)",
        "name the data when you register the model: Model.register(…, datasets=…)",
    ),
    Row("core", "Model.get_sas_urls", "()", "get the file with model.download()"),
    Row("core.webservice.aks", "AutoScaler", "", SERVE),
    Row("core.webservice.aks", "ContainerResourceRequirements", "", SERVE),
    Row("core.webservice.aks", "LivenessProbeRequirements", "", SERVE),
    Row("core.image.image", "ImageConfig", "", SERVE),
    Row("core.image.image", "Asset", "", SERVE),
    Row("core.image.image", "TargetRuntime", "", SERVE),
    Row("core.webservice core.webservice.aks", "AksEndpoint", "", _VERSIONS),
    Row("core.image core.image.container", "ContainerImage.run", "(input_data)", _CALL),
    Row(
        "core.environment",
        "DockerBuildContext",
        "(location_type=None, location=None, dockerfile_path='Dockerfile', storage_account=None)",
        _IMAGE,
    ),
    Row("core.environment", "DockerBuildContext.from_local_directory from_git from_storage_account", "", _IMAGE),
    Row("core.run", "InputDatasets", "", "run.input_datasets is the dict of a run's datasets"),
    Row("core.run", "OutputDatasets", "", "run.output_datasets is the dict of a run's outputs"),
    Row("core.run", "LinkOutput", "", "write files to an OutputFileDatasetConfig"),
    Row("core.script_run_config", "submit", "", "use experiment.submit(config)"),
    Row("core.runconfig", "DatasetConsumption", "", _INPUT),
    Row("core.compute_target", "AbstractComputeTarget", "", _TARGET),
    Row("core.compute_target", "AbstractComputeTarget.name() type() deserialize_from_dict", "", _TARGET),
    Row("core.compute_target", "LocalTarget(AbstractComputeTarget)", "", _TARGET),
    Row("core.compute_target", "BatchAITarget(AbstractComputeTarget)", "", _TARGET),
    Row("core.compute_target", "BatchAITarget.cluster_name() resource_group_name() subscription_id()", "", _TARGET),
    Row(_LEGACY, "prepare_compute_target", "(experiment, source_directory, run_config)", ""),
    Row(_LEGACY, "attach_legacy_compute_target", "(experiment, source_directory, compute_target)", _TARGET),
    Row(_LEGACY, "remove_legacy_compute_target", "(experiment, source_directory, compute_target_name)", _TARGET),
    Row(
        "core.compute",
        "AmlCompute.add_identity",
        "(identity_type, identity_id=None)",
        _IDENTITY,
        ComputeTargetException,
    ),
    Row("core.compute", "AmlCompute.remove_identity", "(identity_id=None)", _IDENTITY, ComputeTargetException),
    Row(
        "core.compute",
        "AmlCompute.update_quotas",
        "(workspace, vm_family, limit=None, location=None)",
        "There are no quotas; cluster.update(max_nodes=…) limits the size of a cluster.",
        ComputeTargetException,
    ),
    Row(
        "core.compute",
        "BatchAiCompute.attach",
        "(workspace, name, resource_id)",
        "Batch AI no longer exists. Create a cluster of nodes on this machine: ComputeTarget.create(…).",
        ComputeTargetException,
    ),
    Row("core.compute core.compute.adla", "AdlaCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.batch", "BatchCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.databricks", "DatabricksCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.datafactory", "DataFactoryCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.hdinsight", "HDInsightCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.kubernetescompute", "KubernetesCompute(Elsewhere)", "", _KUBERNETES),
    Row(
        "core.compute",
        "KubernetesCompute.attach_configuration",
        "(resource_id=None, namespace=None, identity_type=None, identity_ids=None)",
        _KUBERNETES,
    ),
    Row("core.compute core.compute.kusto", "KustoCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.synapse", "SynapseCompute(Elsewhere)", "", _CLUSTER),
    *(Row(modules, f"{name}(Kept)", signature, "") for modules, name, signature in STORED),
)
