"""Celery's settings for Flower: the broker of one collection, see postings_ingest.queue.celery_app."""

import os

_collection = os.environ["POSTINGS_COLLECTION"]
broker_url = f"redis://:{os.environ['REDIS_PASSWORD']}@redis:6379/0"
broker_transport_options = {"global_keyprefix": f"postings:{{{_collection}}}:broker:"}
