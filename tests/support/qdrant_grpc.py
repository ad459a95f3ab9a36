"""The same front as :mod:`tests.support.qdrant_http`, by Qdrant's gRPC; qdrant-client brings the messages."""

# ruff: noqa: N802 - the methods are called as Qdrant calls them

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc as transport
from qdrant_client import grpc
from qdrant_client import models as q
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc, grpc_to_payload
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

from postings.errors import PostingsError
from tests.support import qdrant_points
from tests.support.qdrant_collections import Collections
from tests.support.qdrant_rules import Refused, Rules, version, without_unknown

_CODES = {
    400: transport.StatusCode.INVALID_ARGUMENT,
    401: transport.StatusCode.UNAUTHENTICATED,
    403: transport.StatusCode.PERMISSION_DENIED,
    404: transport.StatusCode.NOT_FOUND,
    409: transport.StatusCode.ALREADY_EXISTS,
}


class Service:
    """Answers one kind of requests after another through the functions of the REST front."""

    def __init__(self, collections: Collections, rules: Rules) -> None:
        self._collections = collections
        self._rules = rules

    def HealthCheck(self, request: Any, context: transport.ServicerContext) -> Any:
        return grpc.HealthCheckReply(title="qdrant - vector search engine", version=version())

    def CollectionExists(self, request: Any, context: transport.ServicerContext) -> Any:
        self._check(context)
        exists = self._collections.exists(request.collection_name)
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=exists))

    def List(self, request: Any, context: transport.ServicerContext) -> Any:
        self._check(context)
        return grpc.ListCollectionsResponse(
            collections=[grpc.CollectionDescription(name=name) for name in self._collections.names()]
        )

    def Get(self, request: Any, context: transport.ServicerContext) -> Any:
        """Of both services: a collection, or points."""
        if isinstance(request, grpc.GetPoints):
            body = {
                "ids": [GrpcToRest.convert_point_id(each) for each in request.ids],
                "with_payload": _payload(request),
                "with_vector": _vectors(request),
            }
            found = self._answer(context, qdrant_points.retrieve, request.collection_name, body)
            return grpc.GetResponse(result=[_record(each) for each in found])
        name = request.collection_name
        found = self._answer(context, lambda *_: self._collections.info(name), name, {})
        return grpc.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(q.CollectionInfo(**found)))

    def Create(self, request: Any, context: transport.ServicerContext) -> Any:
        self._check(context, writes=True)
        vectors = {
            name: GrpcToRest.convert_sparse_vector_params(each).model_dump(mode="json")
            for name, each in request.sparse_vectors_config.map.items()
        }
        asked = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload")
        body = {
            "metadata": grpc_to_payload(request.metadata),
            "sparse_vectors": vectors,
            **{name: getattr(request, name) for name in asked if request.HasField(name)},
        }
        try:
            return grpc.CollectionOperationResponse(result=self._collections.create(request.collection_name, body))
        except Refused as error:
            context.abort(_CODES[error.status], str(error))

    def CreateFieldIndex(self, request: Any, context: transport.ServicerContext) -> Any:
        schema: Any = grpc.FieldType.Name(request.field_type).removeprefix("FieldType").lower()
        if request.HasField("field_index_params"):
            schema = GrpcToRest.convert_payload_schema_params(request.field_index_params)
            schema = schema.model_dump(mode="json", exclude_none=True)
        body = {"field_name": request.field_name, "field_schema": schema}
        name = request.collection_name
        self._answer(context, lambda *_: self._collections.index_field(name, body), name, {}, writes=True)
        return _done()

    def Upsert(self, request: Any, context: transport.ServicerContext) -> Any:
        body: dict[str, Any] = {
            "points": [GrpcToRest.convert_point_struct(each).model_dump(mode="json") for each in request.points]
        }
        if request.HasField("update_filter"):
            body["update_filter"] = _filter(request.update_filter)
        self._answer(context, qdrant_points.upsert, request.collection_name, body, writes=True)
        return _done()

    def UpdateVectors(self, request: Any, context: transport.ServicerContext) -> Any:
        vectors = {each.id.uuid: each.vectors.vectors.vectors for each in request.points}
        body = {
            "points": [
                {"id": id, "vector": {name: _sparse(vector) for name, vector in named.items()}}
                for id, named in vectors.items()
            ],
            "update_filter": _filter(request.update_filter),
        }
        self._answer(context, qdrant_points.update_vectors, request.collection_name, body, writes=True)
        return _done()

    def Update(self, request: Any, context: transport.ServicerContext) -> Any:
        name, body = request.collection_name, {"metadata": grpc_to_payload(request.metadata)}
        self._answer(context, lambda *_: self._collections.update(name, body), name, {}, writes=True)
        return grpc.CollectionOperationResponse(result=True)

    def CreateVectorName(self, request: Any, context: transport.ServicerContext) -> Any:
        name, vector, sparse = request.collection_name, request.vector_name, request.sparse_config
        config = {"modifier": grpc.Modifier.Name(sparse.modifier).lower()} if sparse.HasField("modifier") else {}
        self._answer(context, lambda *_: self._collections.create_vector(name, vector, config), name, {}, writes=True)
        return _done()

    def DeleteVectorName(self, request: Any, context: transport.ServicerContext) -> Any:
        name, vector = request.collection_name, request.vector_name
        self._answer(context, lambda *_: self._collections.delete_vector(name, vector), name, {}, writes=True)
        return _done()

    def Delete(self, request: Any, context: transport.ServicerContext) -> Any:
        """Of both services: a collection, or points."""
        if isinstance(request, grpc.DeleteCollection):
            self._check(context, writes=True)
            return grpc.CollectionOperationResponse(result=self._collections.drop(request.collection_name))
        body = {"filter": _filter(request.points.filter)}
        self._answer(context, qdrant_points.delete, request.collection_name, body, writes=True)
        return _done()

    def QueryBatch(self, request: Any, context: transport.ServicerContext) -> Any:
        searches = [
            GrpcToRest.convert_query_points(_known(each)).model_dump(mode="json", by_alias=True)
            for each in request.query_points
        ]

        def query_batch(index: Any, body: Mapping[str, Any]) -> list[dict[str, Any]]:
            self._rules.check_limits(body)
            return qdrant_points.query_batch(index, body)

        found = self._answer(context, query_batch, request.collection_name, {"searches": searches})
        return grpc.QueryBatchResponse(
            result=[
                grpc.BatchResult(
                    result=[RestToGrpc.convert_scored_point(q.ScoredPoint(**each)) for each in answer["points"]]
                )
                for answer in found
            ]
        )

    def Scroll(self, request: Any, context: transport.ServicerContext) -> Any:
        body = {
            "filter": _filter(request.filter) if request.HasField("filter") else None,
            "limit": request.limit,
            "offset": GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None,
            "with_payload": _payload(request),
            "with_vector": _vectors(request),
        }
        found = self._answer(context, qdrant_points.scroll, request.collection_name, body)
        following = found["next_page_offset"]
        return grpc.ScrollResponse(
            result=[_record(each) for each in found["points"]],
            next_page_offset=None if following is None else RestToGrpc.convert_extended_point_id(following),
        )

    def Count(self, request: Any, context: transport.ServicerContext) -> Any:
        body = {"filter": _filter(request.filter) if request.HasField("filter") else None, "exact": request.exact}

        def count(index: Any, body: Mapping[str, Any]) -> dict[str, Any]:
            self._rules.check_count(body)
            return qdrant_points.count(index, body)

        found = self._answer(context, count, request.collection_name, body)
        return grpc.CountResponse(result=grpc.CountResult(count=found["count"]))

    def _answer(
        self,
        context: transport.ServicerContext,
        function: Callable[[Any, Mapping[str, Any]], Any],
        collection: str,
        body: Mapping[str, Any],
        *,
        writes: bool = False,
    ) -> Any:
        self._check(context, writes=writes)
        try:
            return function(self._collections.find(collection), body)
        except Refused as error:
            context.abort(_CODES[error.status], str(error))
        except PostingsError as error:
            context.abort(transport.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")

    def _check(self, context: transport.ServicerContext, *, writes: bool = False) -> None:
        try:
            self._rules.check_key(dict(context.invocation_metadata()).get("api-key"), writes=writes)
        except Refused as error:
            context.abort(_CODES[error.status], str(error))


def serve(collections: Collections, port: int, rules: Rules, tls: tuple[Path, Path] | None = None) -> transport.Server:
    """Start to answer; ``tls`` is a certificate and its key."""
    server = transport.server(ThreadPoolExecutor(16))
    service: Any = Service(collections, rules)
    # The classes that qdrant-client generated look up their methods by name.
    qdrant_pb2_grpc.add_QdrantServicer_to_server(_complete(qdrant_pb2_grpc.QdrantServicer, service), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(
        _complete(collections_service_pb2_grpc.CollectionsServicer, service), server
    )
    points_service_pb2_grpc.add_PointsServicer_to_server(
        _complete(points_service_pb2_grpc.PointsServicer, service), server
    )
    if tls is None:
        server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        certificate, key = (path.read_bytes() for path in tls)
        server.add_secure_port(f"127.0.0.1:{port}", transport.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server


def _complete(kind: type, service: Service) -> Any:
    made = kind()
    for name in dir(kind):
        if not name.startswith("_") and hasattr(service, name):
            setattr(made, name, getattr(service, name))
    return made


def _filter(message: Any) -> Any:
    return GrpcToRest.convert_filter(without_unknown(message)).model_dump(mode="json", exclude_none=True, by_alias=True)


def _known(query: Any) -> Any:
    if query.HasField("filter"):
        without_unknown(query.filter)
    for each in query.prefetch:
        _known(each)
    return query


def _payload(request: Any) -> Any:
    """The fields to read, or whether to."""
    selector = GrpcToRest.convert_with_payload_selector(request.with_payload)
    return selector if isinstance(selector, list | bool) else selector.include


def _vectors(request: Any) -> list[str]:
    found = GrpcToRest.convert_with_vectors_selector(request.with_vectors)
    return found if isinstance(found, list) else []


def _record(found: Mapping[str, Any]) -> Any:
    return RestToGrpc.convert_record(q.Record(**found))


def _sparse(vector: Any) -> dict[str, list[Any]]:
    """Over gRPC, a sparse vector comes as such, or as it did before there was one."""
    if vector.WhichOneof("vector") == "sparse":
        return {"indices": list(vector.sparse.indices), "values": list(vector.sparse.values)}
    return {"indices": list(vector.indices.data), "values": list(vector.data)}


def _done() -> Any:
    return grpc.PointsOperationResponse(result=grpc.UpdateResult(operation_id=0, status=grpc.UpdateStatus.Completed))
