"""Roll-calls (点名): moments within a lesson at which those present answer."""
