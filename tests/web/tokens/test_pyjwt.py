"""
PyJWT, which need not be installed.
"""

import sys
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.web.tokens.pyjwt import load_jwt

__all__ = ["LoadTests"]


class LoadTests(SynchronousTestCase):
    """
    `load_jwt`.
    """

    def load(self, module: ModuleType | None) -> str:
        """
        Load PyJWT while *module* is what Python finds, and return what is wrong.
        """
        real = sys.modules["jwt"]
        self.addCleanup(sys.modules.__setitem__, "jwt", real)
        # Python's own way to say that there is no such module.
        sys.modules["jwt"] = module  # type: ignore[assignment]
        with self.assertRaises(ModuleNotFoundError) as caught:
            load_jwt.__wrapped__()
        return str(caught.exception)

    def test_missing(self) -> None:
        """
        Without PyJWT there is a sentence that says what to install.
        """
        load_jwt()

        self.assertEqual(self.load(None), "tokens need PyJWT: pip install 'twisted-sse[jwt]'")

    def test_old(self) -> None:
        """
        A version that accepts forged tokens is refused.
        """
        load_jwt()
        for version in ("2.12.1", "2.9.0", "1.7.1", "0"):
            old = ModuleType("jwt")
            vars(old)["__version__"] = version
            with self.subTest(version=version):
                self.assertIn(f"PyJWT {version} accepts forged tokens", self.load(old))
