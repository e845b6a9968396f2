"""
Where the log goes.
"""

from typing import Any

from twisted.application.service import Application, MultiService
from twisted.logger import ILogObserver, Logger
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.config.config import default_config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.log.levels import read_level
from twisted_sse.server.log.output import WithLog, with_log

__all__ = ["OutputTests"]


class OutputTests(SynchronousTestCase):
    """
    `with_log`.
    """

    def test_file(self) -> None:
        """
        The log goes to the file of twistd, in the format and with the levels given.
        """
        path = self.mktemp()
        config = default_config(log_format="json", log_levels=[read_level("warn")])
        application: Any = Application("hub")
        server = with_log(MultiService(), config, {"nodaemon": True, "logfile": path})
        assert isinstance(server, WithLog)
        self.addCleanup(server.file.close)
        server.setServiceParent(application)
        logger = Logger(namespace="hub", observer=application.getComponent(ILogObserver))
        logger.info("quiet")
        logger.warn("loud")

        with open(path, encoding="utf-8") as file:
            self.assertRegex(file.read(), r'^\{"time": .*"message": "loud"\}\n$')

    def test_services(self) -> None:
        """
        The services run as before.
        """
        server = MultiService()
        logged = with_log(server, default_config(), {"nodaemon": True})
        logged.startService()

        self.assertTrue(server.running)

    def test_other_logs(self) -> None:
        """
        An option that would have no effect is refused.
        """
        cases = [
            ({}, "the log of twist"),
            ({"nodaemon": True, "logger": object()}, "twistd's --logger"),
            ({"nodaemon": True, "syslog": True}, "twistd's --syslog"),
        ]
        for twistd, sentence in cases:
            for changes in {"log_format": "json"}, {"log_levels": [read_level("warn")]}:
                with (
                    self.subTest(twistd=twistd, changes=changes),
                    self.assertRaisesRegex(InvalidOption, sentence),
                ):
                    with_log(MultiService(), default_config(**changes), twistd)

    def test_defaults_elsewhere(self) -> None:
        """
        Without these options the hub logs wherever its process does.
        """
        server = MultiService()
        for twistd in None, {}, {"nodaemon": True, "syslog": True}:
            with self.subTest(twistd=twistd):
                self.assertIs(with_log(server, default_config(), twistd), server)
