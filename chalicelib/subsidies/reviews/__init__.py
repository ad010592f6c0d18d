"""The two reviews (初审、复审) of a subsidy claim."""
