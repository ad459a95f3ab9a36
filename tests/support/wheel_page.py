"""Check that an installed ``postings serve`` answers with the web page: python -m tests.support.wheel_page COMMAND"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import urllib.request


def main(command: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", "0", "--index", f"{folder}/index"]
        with subprocess.Popen([command, "serve", *options], stderr=subprocess.PIPE, text=True) as service:
            try:
                assert service.stderr is not None
                url = next(line.split()[0] for line in service.stderr if line.startswith("http://"))
                page = read(f"{url}/")
                files = re.findall(r'"(/page/[^"]+)"', page)
                assert [name.rpartition(".")[2] for name in files] == ["js"], page[:300]
                assert all(read(url + name) for name in [*files, "/page/licenses.txt"])
            finally:
                service.terminate()


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


if __name__ == "__main__":
    main(sys.argv[1])
