"""A service over standard input and output: a line of JSON for each call."""
import json
import sys

import work

for line in sys.stdin:
    name, args = json.loads(line)
    print(json.dumps(getattr(work, name)(*args)), flush=True)
