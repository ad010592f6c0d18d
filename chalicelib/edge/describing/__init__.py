"""What the OpenAPI document says beside the declarations: schemas that tools understand, refusals, words."""
