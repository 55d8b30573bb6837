"""Acts without a decision, with the unmodified SDK: the server goes away, comes back, and learns what was let pass.

The SDK talks to a forwarder of this script's own, which closes its port as a server that is stopped does. Prints
one JSON object with what it saw; any surprise is an exception.
"""
import json
import os
import socket
import threading
from urllib.parse import urlsplit

from execlave import Execlave

SERVER = urlsplit(os.environ["WRIT_URL"])


class Forwarder:
    """Forwards connections to the server while it is open."""

    def __init__(self):
        self.port = 0
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        self.links = []
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((SERVER.hostname, SERVER.port))
            self.links += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()


def main():
    server = Forwarder()
    exe = Execlave(api_key=os.environ["WRIT_API_KEY"], base_url=f"http://127.0.0.1:{server.port}", environment="production",
                   enforcement_on_outage="fail_open", policy_cache_ttl_seconds=0, enable_control_channel=False)
    agent = exe.register_agent(agent_id="bypassing", name="Bypassing")
    assert exe.enforce_policy(agent_id="bypassing", input="one")["allowed"] is True

    server.close()
    passed = [exe.enforce_policy(agent_id=who, input=text)
              for who, text in (("bypassing", "two"), ("bypassing", "three"), ("a bot 🤖 nobody registered", "four"))]
    assert all(answer["source"].startswith("fail_open") for answer in passed), passed

    server.open()
    exe.shutdown()
    print(json.dumps({"agent": agent.id, "sources": [answer["source"] for answer in passed]}))


main()
