"""Start-up of each sanitized Python: what it starts itself shall run without the sanitizer's runtime.

Mosquitto, Node and openssl are not ours to judge. A Python that is started again meets `bin/python` of its environment,
which preloads the runtime anew.
"""

import os

os.environ.pop("LD_PRELOAD", None)
