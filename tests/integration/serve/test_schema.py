"""The service answers as its OpenAPI description says, whatever is sent to it, with and without a key."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from postings_serve.app import api
from tests.integration.serve.conftest import Keyed
from tests.support.examples import examples


def _described() -> dict[str, Any]:
    """What the service says of itself, but for the keys, which the test adds to each request."""
    found = api().openapi()
    for path in found["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    return found


_SCHEMA = schemathesis.openapi.from_dict(_described())
_OPERATIONS = [found.ok() for found in _SCHEMA.get_all_operations()]
_WITHOUT_INPUT = ("/healthz", "/readyz", "/metrics", "/v1/collections", "/v1/whoami")
_EITHER = ("/v1/dead-letters/retry", "/v1/dead-letters/purge", "/v1/documents/delete")
"""Bodies of one of two forms: what breaks the rules of one form may have the other."""
_FORMS = ("/v1/documents/preview",)
"""In a form, a number or a boolean is a text, too."""

_ASKED = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in _OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation.path not in _WITHOUT_INPUT
]


@pytest.mark.parametrize(("operation", "mode"), _ASKED)
@pytest.mark.parametrize("with_key", [False, True], ids=["without a key", "with a key"])
def test_every_answer_is_as_described(
    operation: Any, mode: GenerationMode, with_key: bool, url: str, keyed: Keyed
) -> None:
    """A schema can't say everything of a filter, so one that is as described may be refused."""
    key = keyed.key("read", "write", "admin")
    headers = {"Authorization": f"Bearer {key}"} if with_key else {}

    left_out = [positive_data_acceptance, *([negative_data_rejection] if operation.path in _EITHER + _FORMS else [])]

    @hypothesis_settings(
        max_examples=examples(10),
        suppress_health_check=[*HealthCheck],
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        case.call_and_validate(base_url=keyed.url if with_key else url, headers=headers, excluded_checks=left_out)

    asked()
