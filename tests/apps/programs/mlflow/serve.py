"""MLflow's tracking server with its basic authentication."""

import os
import sys
from pathlib import Path

STORE = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
INI = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/basic_auth.db
admin_username = alice.liddell
admin_password = correct horse battery
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 600
"""


def application():
    """The application of Flask, as ``mlflow server --app-name basic-auth`` has it."""
    ini = Path.cwd() / "auth.ini"
    ini.write_text(INI.format(folder=Path.cwd()))
    os.environ |= {
        "MLFLOW_AUTH_CONFIG_PATH": str(ini),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "x" * 30,
        "_MLFLOW_SERVER_FILE_STORE": STORE,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    }
    from mlflow.server import app
    from mlflow.server.auth import create_app

    return create_app(app)


def prepare() -> None:
    """Databases and users."""
    client = application().test_client()
    admin = ("alice.liddell", "correct horse battery")
    for name in ("bob.builder", "carol.kane", "dan.brown"):
        body = {"username": name, "password": "correct horse battery"}
        answered = client.post("/api/2.0/mlflow/users/create", json=body, auth=admin)
        assert answered.status_code == 200, answered.text


def serve(made, port: int) -> None:
    """As MLflow does it: an ASGI server."""
    import uvicorn
    from mlflow.server.fastapi_app import create_fastapi_app

    uvicorn.run(create_fastapi_app(made), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(application(), int(sys.argv[1]))
