"""The HTTP edge: endpoints, forms, problems, tokens at the door, the document of the API."""
