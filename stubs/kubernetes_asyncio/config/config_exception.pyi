class ConfigException(Exception): ...  # noqa: N818  the library named it
