from collections.abc import Mapping
from typing import Any

from aiohttp import ClientResponse, ClientSession, ClientTimeout

from kubernetes_asyncio.client.configuration import Configuration

class RESTClientObject:
    pool_manager: ClientSession
    def __init__(self, configuration: Configuration, *, maxsize: int) -> None: ...
    async def request(
        self,
        method: str,
        url: str,
        *,
        query_params: Mapping[str, str] | None,
        headers: dict[str, str],
        body: Mapping[str, Any] | None,
        _preload_content: bool,
        _request_timeout: ClientTimeout,
    ) -> ClientResponse: ...
    async def close(self) -> None: ...
