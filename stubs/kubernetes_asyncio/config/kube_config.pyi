from kubernetes_asyncio.client.configuration import Configuration

async def load_kube_config(
    *, config_file: str, client_configuration: Configuration, persist_config: bool
) -> object: ...
