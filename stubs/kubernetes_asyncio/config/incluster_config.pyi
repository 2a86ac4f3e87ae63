from collections.abc import Mapping

from kubernetes_asyncio.client.configuration import Configuration

class InClusterConfigLoader:
    def __init__(
        self,
        token_filename: str,
        cert_filename: str,
        *,
        try_refresh_token: bool,
        environ: Mapping[str, str],
    ) -> None: ...
    def load_and_set(self, client_configuration: Configuration) -> None: ...
