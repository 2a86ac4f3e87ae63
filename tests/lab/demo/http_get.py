"""A tiny HTTP GET for machines without curl: `python -m tests.lab.demo.http_get URL`."""

from __future__ import annotations

import argparse
import sys
from urllib.error import URLError
from urllib.request import urlopen


def main() -> int:
    """Print the body and return 0, or the reason and 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-time", type=float, default=10, help="seconds")
    parser.add_argument("url")
    options = parser.parse_args()
    url = options.url if "://" in options.url else f"http://{options.url}"
    try:
        with urlopen(url, timeout=options.max_time) as response:
            sys.stdout.write(response.read().decode())
    except (URLError, OSError) as error:
        print(f"http_get: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
