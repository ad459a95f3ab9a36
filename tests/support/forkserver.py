"""Processes that are forked from one that has done their imports: else these take seconds of each."""

from __future__ import annotations

import multiprocessing

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.support.qdrant_front"])
