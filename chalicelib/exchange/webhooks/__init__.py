"""What programs are told of by webhooks: what happens to what their owners may read."""
