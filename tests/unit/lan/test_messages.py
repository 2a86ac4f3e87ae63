"""What importing pyroute2 costs: its messages alone, not all that it can do."""

import json
import subprocess
import sys

from l2announcer.lan.messages import MarshalRtnl

PROGRAM = """
import json, sys
import l2announcer.lan.links
print(json.dumps([name for name in sys.modules if name.startswith("pyroute2")]))
"""


def test_nothing_but_messages_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60
    )
    names = json.loads(done.stdout)
    assert MarshalRtnl.__module__ in names
    assert [name for name in names if name.split(".")[1:2] in (["ndb"], ["iproute"])] == []
    assert len(names) < 100
