"""Issuance batches: proposed, approved by a second person, issued by workers."""
