"""Documents of a request, on their way to the queue."""
