"""The service answers as its OpenAPI description says, whatever is sent to it, with and without a key."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from postings_serve.app import api
from tests.integration.serve.conftest import Keyed
from tests.support.examples import examples

_SCHEMA = schemathesis.openapi.from_dict(api().openapi())
_OPERATIONS = [found.ok() for found in _SCHEMA.get_all_operations()]
_ASKED = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in _OPERATIONS
    for mode in GenerationMode
    # Without a parameter, a body or a key, a request can't be wrong.
    if mode is GenerationMode.POSITIVE or operation.path not in ("/healthz", "/readyz")
]


@pytest.mark.parametrize(("operation", "mode"), _ASKED)
@pytest.mark.parametrize("with_key", [False, True], ids=["without a key", "with a key"])
def test_every_answer_is_as_described(
    operation: Any, mode: GenerationMode, with_key: bool, url: str, keyed: Keyed
) -> None:
    """A schema can't say everything of a filter, so one that is as described may be refused. Without keys, a request
    without one isn't wrong.
    """
    key = keyed.key("read", "write", "admin")
    headers = {"Authorization": f"Bearer {key}"} if with_key else {}

    left_out = [positive_data_acceptance, *([] if with_key else [ignored_auth, negative_data_rejection])]

    @hypothesis_settings(
        max_examples=examples(10),
        suppress_health_check=[*HealthCheck],
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        case.call_and_validate(base_url=keyed.url if with_key else url, headers=headers, excluded_checks=left_out)

    asked()
