#!/usr/bin/env python3
"""Makes common-passwords.txt from the list that Django ships. See README.md here.

    pip download django --no-deps
    python3 common_passwords.py django-*.whl > common-passwords.txt
"""

import gzip
import sys
import zipfile

LIST = "django/contrib/auth/common-passwords.txt.gz"
MIN_LENGTH = 8  # the shortest password that any configuration allows
COUNT = 6000


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        by_frequency = gzip.decompress(archive.read(LIST)).decode().splitlines()
    # ASCII alone: the rest is eight entries of bytes that were decoded wrongly.
    candidates = (entry.strip().lower() for entry in by_frequency)
    long_enough = dict.fromkeys(entry for entry in candidates if entry.isascii() and len(entry) >= MIN_LENGTH)
    most_common = list(long_enough)[:COUNT]
    sys.stdout.write("".join(f"{entry}\n" for entry in sorted(most_common)))


if __name__ == "__main__":
    main(sys.argv[1])
