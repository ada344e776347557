"""OctoPrint: Flask behind Tornado, with pushes through SockJS; an administrator and two users."""

import subprocess
import sys
from pathlib import Path

BASE = Path.cwd() / "base"
CONFIG = """\
server: {firstRun: false, seenWizards: {}, secretKey: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, onlineCheck: {enabled: false}}
accessControl: {salt: abcdefgh}
plugins: {_disabled: [softwareupdate, tracking, announcements, pluginmanager, discovery]}
webcam: {webcamEnabled: false}
"""


def prepare() -> None:
    """Settings and users."""
    BASE.mkdir()
    (BASE / "config.yaml").write_text(CONFIG)
    for name in ("alice.liddell", "bob.builder", "carol.kane"):
        rights = ["--admin"] if name == "alice.liddell" else []
        program = [str(Path(sys.executable).with_name("octoprint")), "--iknowwhatimdoing", "-b", str(BASE)]
        subprocess.run([*program, "user", "add", name, "--password", "correct horse", *rights], check=True)


def serve(port: int) -> None:
    """Until it is interrupted."""
    import octoprint

    sys.argv = ["octoprint", "serve", "--iknowwhatimdoing", "-b", str(BASE), "--host", "127.0.0.1", "--port", str(port)]
    octoprint.main()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(int(sys.argv[1]))
