"""Table of the SDK v1 names that concern only Azure's cloud. ``_made`` creates classes and members from it.

To add a name, add a row. To add a module, also add a file such as ``core/private_endpoint.py``.
"""

from __future__ import annotations

from typing import NamedTuple

from azureml import _old_datasets
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
_IDENTITY = "Runs have the permissions of the service's user; managed identities exist only in Azure."
_INPUT = "put dataset.as_named_input(name) into arguments, script_params or inputs"
_KUBERNETES = (
    "Kubernetes is planned for a later release; until then use a cluster of nodes on this machine (AmlCompute)"
)
_NETWORK = "the service only accepts connections from this machine"
_SECRETS = "store secrets with ws.get_default_keyvault()"
_SERVE = "download the model and serve it with a tool of your choice: Model(ws, name).download()"
_TARGET = "use ComputeTarget(ws, name), or compute_target='local'"
_DEPLOY = "deploy_configuration deploy deploy_from_model deploy_from_image list"
_LEGACY = "core.compute_target core"

ROWS = (
    *(Row("data.abstract_dataset", f"AbstractDataset.{name}", *about) for name, *about in _old_datasets.MEMBERS),
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
        "build the image and use its name: Environment.from_docker_image(…)",
    ),
    Row("core", "Environment.get_image_details", "(workspace)", _BUILT),
    Row("core", "Environment.build", "(workspace, image_build_compute=None)", _BUILT),
    Row("core", "Environment.build_local", "(workspace, platform=None, **kwargs)", _BUILT),
    Row(
        "core",
        "Model.deploy",
        "(workspace, name, models, inference_config=None, deployment_config=None, deployment_target=None, "
        "overwrite=False, show_output=False)",
        _SERVE,
    ),
    Row(
        "core",
        "Model.package",
        "(workspace, models, inference_config=None, generate_dockerfile=False, image_name=None, image_label=None)",
        _SERVE,
    ),
    Row(
        "core",
        "Model.profile",
        "(workspace, profile_name, models, inference_config, input_dataset, cpu=None, memory_in_gb=None, "
        "description=None)",
        _SERVE,
    ),
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
    Row("core core.image core.image.image", "Image", "", _SERVE),
    Row("core core.image core.image.image", "Image.create get list image_configuration delete", "", _SERVE),
    Row("core.image core.image.container", "ContainerImage(Image)", "", _SERVE),
    Row("core.image core.image.container", "ContainerImage.image_configuration create get list", "", _SERVE),
    Row("core core.webservice core.webservice.webservice", "Webservice", "", _SERVE),
    Row(
        "core core.webservice core.webservice.webservice",
        "Webservice.deploy deploy_from_model deploy_from_image deploy_local_from_model list delete run "
        "wait_for_deployment get_logs",
        "",
        _SERVE,
    ),
    Row("core.webservice core.webservice.aci", "AciWebservice(Webservice)", "", _SERVE),
    Row("core.webservice core.webservice.aci", f"AciWebservice.{_DEPLOY}", "", _SERVE),
    Row("core.webservice core.webservice.aks", "AksWebservice(Webservice)", "", _SERVE),
    Row("core.webservice core.webservice.aks", f"AksWebservice.{_DEPLOY}", "", _SERVE),
    Row("core.webservice core.webservice.local", "LocalWebservice(Webservice)", "", _SERVE),
    Row("core.webservice core.webservice.local", f"LocalWebservice.{_DEPLOY}", "", _SERVE),
    Row("core.model", "InferenceConfig", "", _SERVE),
    Row("core.runconfig", "Data", "", _INPUT),
    Row("core.runconfig", "DataLocation", "", _INPUT),
    Row("core.runconfig", "DatasetConsumption", "", _INPUT),
    Row("core.compute_target", "AbstractComputeTarget", "", _TARGET),
    Row("core.compute_target", "LocalTarget(AbstractComputeTarget)", "", _TARGET),
    Row("core.compute_target", "BatchAITarget(AbstractComputeTarget)", "", _TARGET),
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
    Row("core.compute core.compute.aks", "AksCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.batch", "BatchCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.computeinstance", "ComputeInstance(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.databricks", "DatabricksCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.datafactory", "DataFactoryCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.dsvm", "DsvmCompute(Elsewhere)", "", _CLUSTER),
    Row(
        "core.compute",
        "DsvmCompute.provisioning_configuration",
        "(vm_size=None, ssh_port=None, location=None)",
        _CLUSTER,
    ),
    Row("core.compute core.compute.hdinsight", "HDInsightCompute(Elsewhere)", "", _CLUSTER),
    Row("core.compute core.compute.kubernetescompute", "KubernetesCompute(Elsewhere)", "", _KUBERNETES),
    Row(
        "core.compute",
        "KubernetesCompute.attach_configuration",
        "(resource_id=None, namespace=None, identity_type=None, identity_ids=None)",
        _KUBERNETES,
    ),
    Row("core.compute core.compute.synapse", "SynapseCompute(Elsewhere)", "", _CLUSTER),
)
