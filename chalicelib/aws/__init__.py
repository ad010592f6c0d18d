"""What is AWS: tables and transactions, streams, objects, queues, keys and sealing, settings, logs."""
