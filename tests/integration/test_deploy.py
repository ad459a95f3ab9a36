"""What deploy/ and docker-compose.yml say, checked without starting any of it."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compose
import kubernetes_validate
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from postings import Document, Encoder, Settings
from postings_ingest import Ledger, Producer
from postings_ingest.counts import Counts
from postings_ingest.worker.metrics import Metrics
from tests.support.cli import start
from tests.support.queue_keys import QueueKeys
from tests.support.worker import environment_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
COMPOSE = Path(compose.__file__).with_name("docker-compose")
SECRETS = {"REDIS_PASSWORD": "redis secret", "QDRANT_API_KEY": "qdrant-secret"}


def composed(*options: str, secrets: dict[str, str] = SECRETS) -> subprocess.CompletedProcess[str]:
    command = [str(COMPOSE), "--env-file", "/dev/null", *options, "config", "--format", "json"]
    return subprocess.run(command, cwd=ROOT, env=secrets, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found = composed("--profile", "serve", "--profile", "gpu", "--profile", "monitoring")
    assert found.returncode == 0, found.stderr
    services: dict[str, dict[str, Any]] = json.loads(found.stdout)["services"]
    return services


def test_compose_names_its_services_and_profiles(services: dict[str, dict[str, Any]]) -> None:
    profiles = {name: service.get("profiles", []) for name, service in services.items()}
    assert profiles == {
        "redis": [],
        "qdrant": [],
        "worker": [],
        "worker-gpu": ["gpu"],
        "serve": ["serve"],
        "status": ["monitoring"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
        "flower": ["monitoring"],
    }


@pytest.mark.parametrize("secret", SECRETS)
def test_compose_asks_for_its_secrets_by_name(secret: str) -> None:
    found = composed(secrets={name: value for name, value in SECRETS.items() if name != secret})
    assert found.returncode != 0
    assert f"required variable {secret} is missing a value: set it in .env" in found.stderr


def test_every_container_is_locked_down(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        image = service["image"]
        assert re.search(r":v?\d+(\.\d+)+|^postings:(cpu|cuda)$", image), f"{name}: {image} isn't pinned"
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
        sources = {volume["type"]: volume for volume in service.get("volumes", [])}
        assert "bind" not in sources or sources["bind"]["read_only"], name
        assert service.get("healthcheck") or image.startswith("postings:"), name  # ours is in the image


def test_redis_loses_nothing_and_qdrant_asks_for_its_key(services: dict[str, dict[str, Any]]) -> None:
    command = " ".join(services["redis"]["command"])
    assert command == (
        "redis-server --requirepass redis secret --appendonly yes --appendfsync always "
        "--maxmemory 1gb --maxmemory-policy noeviction"
    )
    assert services["qdrant"]["environment"]["QDRANT__SERVICE__API_KEY"] == "qdrant-secret"
    assert services["worker"]["environment"]["POSTINGS_INDEX_API_KEY"] == "qdrant-secret"
    devices = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"capabilities": ["gpu"], "driver": "nvidia", "count": 1}]


def test_every_variable_of_compose_kubernetes_and_the_example_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    named = {name for service in services.values() for name in service.get("environment", {})}
    named |= set(re.findall(r"^(POSTINGS_\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    named |= set(re.findall(r"- (POSTINGS_\w+)=", (BASE / "kustomization.yaml").read_text()))
    named |= set(re.findall(r"(POSTINGS_\w+)=", (DEPLOY / "Dockerfile").read_text()))
    ours = {name.removeprefix("POSTINGS_").lower() for name in named if name.startswith("POSTINGS_")}
    assert ours <= Settings.model_fields.keys()
    assert {"redis_url", "index_url", "model"} <= ours


def manifests() -> Iterator[dict[str, Any]]:
    for file in sorted(BASE.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from yaml.safe_load_all(file.read_text())


BY_NAME = {(each["kind"], each["metadata"]["name"]): each for each in manifests()}


def test_kustomize_lists_every_manifest() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(file.name for file in BASE.glob("*.yaml"))


@pytest.mark.parametrize("named", [named for named in BY_NAME if named[0] != "ScaledObject"], ids="/".join)
def test_a_manifest_fits_its_schema(named: tuple[str, str]) -> None:
    kubernetes_validate.validate(BY_NAME[named], "1.33", strict=True)


def test_workers_may_finish_their_batches_in_flight_and_run_on_gpus() -> None:
    pod = BY_NAME["Deployment", "postings-worker"]["spec"]["template"]["spec"]
    settings = (BASE / "kustomization.yaml").read_text()
    (seconds,) = re.findall(r"POSTINGS_BATCH_SECONDS=(\d+)", settings)
    assert pod["terminationGracePeriodSeconds"] > int(seconds)
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert "replicas" not in BY_NAME["Deployment", "postings-worker"]["spec"]


PROBES = {
    "postings-worker": ("/live", "/ready"),
    "postings-status": ("/live", "/ready"),
    "postings-serve": ("/healthz", "/readyz"),
}


@pytest.mark.parametrize("name", PROBES)
def test_pods_are_locked_down(name: str) -> None:
    pod = BY_NAME["Deployment", name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    probes = tuple(container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness"))
    assert probes == PROBES[name]
    assert {"secretRef": {"name": "postings-secrets"}} in container["envFrom"]


def test_selectors_find_what_they_are_for() -> None:
    labels = BY_NAME["Deployment", "postings-worker"]["spec"]["template"]["metadata"]["labels"]
    assert BY_NAME["PodDisruptionBudget", "postings-worker"]["spec"]["selector"]["matchLabels"] == labels
    scaled = BY_NAME["ScaledObject", "postings-worker"]["spec"]
    assert scaled["scaleTargetRef"] == {"name": "postings-worker"}
    for name in ("postings-status", "postings-serve"):
        labels = BY_NAME["Deployment", name]["spec"]["template"]["metadata"]["labels"]
        assert BY_NAME["Service", name]["spec"]["selector"] == labels
    assert BY_NAME["PodDisruptionBudget", "postings-serve"]["spec"]["selector"]["matchLabels"] == labels


def test_the_api_has_time_for_what_it_accepted_and_keys_where_the_image_looks_for_them() -> None:
    pod = BY_NAME["Deployment", "postings-serve"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + Settings.model_fields["serve_timeout"].default
    (mounted,) = (each for each in container["volumeMounts"] if each["name"] == "keys")
    (place,) = re.findall(r"POSTINGS_SERVE_KEYS=(\S+)", (DEPLOY / "Dockerfile").read_text())
    file = Path(place)
    assert (str(file.parent), mounted["readOnly"]) == (mounted["mountPath"], True)
    (volume,) = (each for each in pod["volumes"] if each["name"] == "keys")
    page = (DEPLOY / "README.md").read_text()
    assert f"secret generic {volume['secret']['secretName']} --from-file={file.name}" in page
    policy = BY_NAME["NetworkPolicy", "postings"]["spec"]["ingress"]
    assert container["ports"][0]["containerPort"] in {port["port"] for rule in policy for port in rule["ports"]}


def test_composes_api_keeps_its_keys_and_has_time_for_what_it_accepted(services: dict[str, dict[str, Any]]) -> None:
    serve = services["serve"]
    assert "/keys" in {volume["target"] for volume in serve["volumes"]}
    assert serve["stop_grace_period"] == "1m0s"
    assert "/readyz" in serve["healthcheck"]["test"][-1]


def test_the_network_policies_find_the_pods_that_they_are_for() -> None:
    (labels,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["labels"]
    assert labels["includeTemplates"]  # else they would stand on the deployments alone
    pods = {
        name: each["spec"]["template"]["metadata"]["labels"] | labels["pairs"]
        for (kind, name), each in BY_NAME.items()
        if kind == "Deployment"
    }
    assert pods.keys() == PROBES.keys()
    wanted = BY_NAME["NetworkPolicy", "postings"]["spec"]["podSelector"]["matchLabels"]
    allowed, *_ = BY_NAME["NetworkPolicy", "postings-stores"]["spec"]["ingress"]
    let_in = allowed["from"][0]["podSelector"]["matchLabels"]
    for found in pods.values():
        assert wanted.items() <= found.items()
        assert let_in.items() <= found.items()


def test_images_are_those_that_the_dockerfile_builds() -> None:
    targets = set(re.findall(r"^FROM .* AS (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["images"]
    named = {
        container["image"]
        for (kind, _), each in BY_NAME.items()
        if kind == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert {each["name"] for each in listed} == named
    assert {each["newTag"] for each in listed} <= targets


def test_qdrants_values_suit_a_namespace_that_takes_no_root() -> None:
    enforced = BY_NAME["Namespace", "postings"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values" / "qdrant.yaml").read_text())
    assert values["image"]["useUnprivilegedImage"]
    assert not values["updateVolumeFsOwnership"]
    context = values["containerSecurityContext"]
    assert context["runAsNonRoot"]
    assert not context["allowPrivilegeEscalation"]
    assert (context["capabilities"], context["seccompProfile"]) == ({"drop": ["ALL"]}, {"type": "RuntimeDefault"})


def test_stores_and_workers_take_their_secrets_from_the_same_place() -> None:
    page = (DEPLOY / "README.md").read_text()
    made = set(re.findall(r"--from-literal=(\w+)=", page))
    qdrant = yaml.safe_load((DEPLOY / "kubernetes" / "values" / "qdrant.yaml").read_text())
    redis = yaml.safe_load((DEPLOY / "kubernetes" / "values" / "redis.yaml").read_text())
    key = qdrant["apiKey"]["valueFrom"]["secretKeyRef"]
    assert (key["name"], redis["auth"]["existingSecret"]) == ("postings-secrets", "postings-secrets")
    assert {key["key"], redis["auth"]["existingSecretPasswordKey"], "POSTINGS_REDIS_URL"} == made


def test_prometheus_shows_qdrant_its_key(services: dict[str, dict[str, Any]]) -> None:
    jobs = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yml").read_text())["scrape_configs"]
    (qdrant,) = (job for job in jobs if job["job_name"] == "qdrant")
    (secret,) = services["prometheus"]["secrets"]
    assert qdrant["authorization"]["credentials_file"] == f"/run/secrets/{secret['source']}"


def test_the_cpu_overlay_takes_away_what_the_base_has() -> None:
    (patch,) = yaml.safe_load((DEPLOY / "kubernetes" / "cpu" / "kustomization.yaml").read_text())["patches"]
    target = BY_NAME[patch["target"]["kind"], patch["target"]["name"]]
    for operation in yaml.safe_load(patch["patch"]):
        place: Any = target
        for step in operation["path"].strip("/").split("/"):
            place = place[int(step)] if step.isdigit() else place[step]


def test_keda_scales_on_documents_that_are_queued_or_in_flight(
    redis_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = Settings(redis_url=redis_url, collection=f"test-{uuid.uuid4().hex[:12]}")  # type: ignore[arg-type]
    ledger, keys = Ledger(settings), QueueKeys(settings)
    with Producer(settings, linger=600) as producer:
        for number in range(700):
            producer.add(Document(str(number), "a document"))
    (first, *_) = keys.redis.zrange(f"{keys.prefix}:waiting:bulk", 0, -1)
    assert ledger.start(first, 60)  # taken by a worker: no longer in the queue
    assert keys.redis.zcard(f"{keys.prefix}:waiting:bulk") == 2
    server = start("status", "--port", "0", env=environment_of(settings))
    try:
        assert server.stderr
        url = server.stderr.readline().decode().strip()
        text = urllib.request.urlopen(url, timeout=10).read().decode()
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0
    trigger = BY_NAME["ScaledObject", "postings-worker"]["spec"]["triggers"][0]["metadata"]
    assert trigger["format"] == "prometheus"
    values = {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}
    assert values[trigger["valueLocation"]] == 700
    assert values["postings_in_flight_documents"] == 256
    keys.delete_all()


def test_alerts_and_dashboard_ask_for_metrics_that_a_worker_has(redis_url: str, encoder: Encoder) -> None:
    metrics = Metrics(Ledger(Settings(redis_url=redis_url)))  # type: ignore[arg-type]
    metrics.add_work(lambda: encoder.work)
    metrics.count(Counts(indexed=1), [])
    text = generate_latest(metrics.registry).decode()
    known = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    asked = {
        name
        for file in ("alerts.yml", "grafana/dashboards/postings.json")
        for name in re.findall(r"\bpostings_\w+", (DEPLOY / "monitoring" / file).read_text())
    }
    assert asked - known == set()
    assert isinstance(metrics.registry, CollectorRegistry)


def test_each_alert_is_explained_to_the_operator() -> None:
    (group,) = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text())["groups"]
    page = (DEPLOY / "README.md").read_text()
    for rule in group["rules"]:
        assert f"`{rule['alert']}`" in page
        assert rule["annotations"]["summary"]
