"""`python -m deploy.embedded.clickhouse`."""

import os
import sys

from deploy.embedded.clickhouse.server import main

status = main()
sys.stdout.flush()
sys.stderr.flush()
# A statement that no interruption reached holds its thread; an ordinary exit would wait for it.
os._exit(status)
