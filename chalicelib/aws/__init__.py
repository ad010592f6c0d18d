"""The shared ways out: tables, keys, objects, queues, spreadsheets and the HTTP edge."""
