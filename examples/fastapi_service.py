"""A search route in a FastAPI service of your own.

    uvicorn --app-dir examples fastapi_service:app
    curl 'localhost:8000/search?q=music'

`postings serve` is such a service with everything: use this where search is one route among yours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request

from postings import PostingsError, Settings
from postings_query import AsyncSearchClient

LIMIT = 10


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # The index, the collection and the model come from POSTINGS_INDEX_URL and the other settings.
    async with AsyncSearchClient(settings=Settings()) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/search")
async def search(request: Request, q: Annotated[str, Query(pattern=r"\S", max_length=1000)]) -> list[dict[str, Any]]:
    client: AsyncSearchClient = request.app.state.client
    try:
        hits = await client.search(q, limit=LIMIT, explain=True)
    except PostingsError as error:
        raise HTTPException(503, str(error)) from error
    return [
        {
            "id": hit.id,
            "title": hit.title,
            "text": hit.text,
            "score": hit.score,
            "because": {part.token: round(part.contribution, 3) for part in hit.contributions[:5]},
        }
        for hit in hits
    ]
