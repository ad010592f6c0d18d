"""What is AWS: tables and their writes, streams, objects, queues, keys and sealing, logs, settings."""
