"""`make kafka`: get what Apache Kafka runs on."""

import sys

from deploy.kafka.jars import require_jars, require_java
from streams.settings import ConfigurationError

if __name__ == "__main__":
    try:
        require_java()
        require_jars()
    except ConfigurationError as error:
        sys.exit(str(error))
