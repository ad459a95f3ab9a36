"""A device that isn't there is refused; a card says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from prometheus_client import generate_latest

from postings import Encoder, Settings
from postings.cards import Card, check_device
from postings.errors import ConfigurationError
from postings_ingest import Ledger
from postings_ingest.worker.metrics import Metrics
from tests.support.models import save

NOT_HERE = ["cuda:99", "meta", "cuda:", "CPU", "tpu", "", "cuda:-1", "cuda:0x0"]
if not torch.cuda.is_available():
    NOT_HERE += ["cuda", "cuda:0"]


@pytest.mark.parametrize("device", NOT_HERE)
def test_a_device_that_is_not_here_is_refused_in_one_line_with_those_that_are(device: str) -> None:
    with pytest.raises(ConfigurationError, match="expected one of the devices auto, cpu") as refusal:
        Encoder.load("tiny", device)
    assert repr(device) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_settings_and_a_side_that_is_loaded_late_are_refused_equally(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="got 'cuda:99'"):
        Encoder.from_settings(Settings(device="cuda:99"))
    encoder = Encoder.load(save("inference_free", tmp_path), "cuda:99")
    assert encoder.encode_queries(["looked up without PyTorch"])
    with pytest.raises(ConfigurationError, match="got 'cuda:99'"):
        encoder.encode_documents(["a lion"])


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_what_is_everywhere_is_taken(device: str) -> None:
    check_device(device)


def metrics_with(device: str) -> str:
    metrics = Metrics(Ledger(Settings()))
    if card := Card.of(device):
        metrics.add_card(card)
    return generate_latest(metrics.registry).decode()


def test_there_are_no_metrics_of_a_card_without_one() -> None:
    assert "postings_card" not in metrics_with("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no card")
def test_a_card_says_its_name_its_memory_and_how_full_it_is() -> None:
    card = Card.of("cuda:0")
    assert card is not None
    assert 0 < card.used_bytes() <= card.bytes
    assert torch.cuda.get_device_name(0) in str(card)
    assert f'postings_card_memory_bytes{{card="{card.name}",device="cuda:0"}}' in metrics_with("cuda:0")
