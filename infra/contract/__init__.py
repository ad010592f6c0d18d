"""What public tools of integrators say of the API's document: linters, and generators of clients."""
