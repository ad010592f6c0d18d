"""joserfc without X.509: what it has of certificates is loaded when somebody shows one, and nobody does.

joserfc loads `cryptography.x509` at its own import, to read keys out of certificates. That is a sixth of what
the whole start of a function costs, and every cold start that proves a token would pay it. So while joserfc
is imported, two functions stand in the place of that module, which load the real one if they are ever called.
"""

import sys
from types import ModuleType
from typing import Any, Final

_CERTIFICATES: Final = "cryptography.x509"
_USED_BY_JOSERFC: Final = ("load_pem_x509_certificate", "load_der_x509_certificate")


def _later(name: str) -> Any:
    def load(*arguments: Any, **named: Any) -> Any:
        from cryptography import x509  # noqa: PLC0415 - what this module is for

        return getattr(x509, name)(*arguments, **named)

    return load


def _stand_in() -> ModuleType:
    module = ModuleType(_CERTIFICATES)
    for name in _USED_BY_JOSERFC:
        setattr(module, name, _later(name))
    return module


if _CERTIFICATES in sys.modules:
    from joserfc import jws, jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
else:
    import cryptography

    sys.modules[_CERTIFICATES] = cryptography.x509 = _stand_in()
    try:
        from joserfc import jws, jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
    finally:
        del sys.modules[_CERTIFICATES], cryptography.x509

__all__ = ["ECKey", "JoseError", "KeySet", "OKPKey", "RSAKey", "jws", "jwt"]
