"""Reads a log line by line, as it grows, and says what the lines mean."""

import re
import time

# What dpkg writes; "2025-06-24 14:36:25 upgrade libsystemd0:amd64 252.36 252.38"
DPKG = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<action>\w+) (?P<rest>.*)")
# What web servers write, the common log format.
ACCESS = re.compile(r'\S+ \S+ \S+ \[(?P<time>[^]]+)\] "(?P<action>[A-Z]+) (?P<rest>.*)')


def entries(path, follow=False):
    """Yields a dict for each line; a line that means nothing has no action. The file is closed when
    whoever asks for entries has had enough.
    """
    number = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        while True:
            line = file.readline()
            if not line:
                if not follow:
                    return
                time.sleep(0.05)  # the GIL is let go meanwhile
                continue
            number += 1
            m = DPKG.match(line) or ACCESS.match(line)
            yield {"number": number, **(m.groupdict() if m else {"rest": line.rstrip("\n")})}
