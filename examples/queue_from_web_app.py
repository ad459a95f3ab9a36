"""A web application that saves articles and queues them for search.

docker run -d -p 127.0.0.1:6379:6379 redis:7.4-alpine redis-server --appendonly yes --maxmemory-policy noeviction
docker run -d -p 127.0.0.1:6333:6333 -p 127.0.0.1:6334:6334 qdrant/qdrant
export POSTINGS_REDIS_URL=redis://localhost:6379/0 POSTINGS_INDEX_URL=http://localhost:6333
postings worker &
uvicorn --app-dir examples queue_from_web_app:app

curl -X PUT localhost:8000/articles/otter --json '{"text": "Sea otters sleep on their backs.", "revision": 1}'
postings search "animals that sleep"
"""

from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from postings import Document
from postings.errors import BrokerUnavailable, QueueFull
from postings_ingest import Producer


class Article(BaseModel):
    title: str = ""
    text: str = Field(min_length=1)
    revision: int = Field(ge=1, description="Of the row in your database: the newest wins, whatever arrives last")


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    # One producer for all requests. It refuses when the queue is full, so that no request waits for the workers.
    with Producer(when_full="raise", timeout=5) as app.state.producer:
        yield


def producer(request: Request) -> Iterator[Producer]:
    try:
        yield request.app.state.producer
    except QueueFull as error:
        raise HTTPException(429, "too much is queued; try again in a minute") from error
    except BrokerUnavailable as error:
        raise HTTPException(503, "the queue can't be reached; try again later") from error


app = FastAPI(lifespan=lifespan)
Queue = Annotated[Producer, Depends(producer)]


@app.put("/articles/{name}", status_code=202)
def save(name: str, article: Article, queue: Queue) -> dict[str, int]:
    # Here your database saves the article. Then it is queued: after flush, Redis has it.
    queue.add(Document(name, article.text, title=article.title, version=article.revision))
    return {"queued": queue.flush().progress().submitted}


@app.delete("/articles/{name}", status_code=202)
def remove(name: str, revision: int, queue: Queue) -> dict[str, int]:
    queue.delete(name, version=revision)
    return {"queued": queue.flush().progress().submitted}


@app.get("/indexing")
def indexing(queue: Queue) -> dict[str, Any]:
    """What became of all that this process queued, and why some couldn't be indexed."""
    counts = queue.job.progress()
    return {
        "submitted": counts.submitted,
        "done": counts.done,
        "failures": {letter.id: letter.reason for letter in queue.job.failures()},
    }
