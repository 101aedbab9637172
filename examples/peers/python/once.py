"""One call: its arguments by standard input, its result by standard output."""
import json
import sys

import work

name, args = json.load(sys.stdin)
json.dump(getattr(work, name)(*args), sys.stdout)
