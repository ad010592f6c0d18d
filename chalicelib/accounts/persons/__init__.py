"""Who is who: from an ID number to the key under which a person is known everywhere."""
