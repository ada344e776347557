"""JupyterHub's own pages and API; its proxy, a program of node, is left out: users talk to the hub."""

import sys
from pathlib import Path

from jupyterhub.app import JupyterHub

CONFIG = """\
from jupyterhub.proxy import Proxy


class Direct(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}


c = get_config()
c.JupyterHub.proxy_class = Direct
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = PORT
c.JupyterHub.log_level = "WARN"
c.JupyterHub.cookie_secret = b"x" * 32
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"alice.liddell"}
c.DummyAuthenticator.password = "correct horse"
"""

if __name__ == "__main__":
    if sys.argv[1] != "prepare":
        Path("jupyterhub_config.py").write_text(CONFIG.replace("PORT", sys.argv[1]))
        sys.argv = [sys.argv[0]]
        JupyterHub.launch_instance()
