"""The chunks of an issuance batch: what workers make of each."""
