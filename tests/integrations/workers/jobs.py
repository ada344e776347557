"""A Celery application whose tasks read one ContextVar; what they do with it comes from the environment."""

import os
import time
from contextvars import ContextVar
from pathlib import Path

from celery import Celery, chain, chord, group
from celery.exceptions import Reject, SoftTimeLimitExceeded

current_user = ContextVar("current_user", default=None)
WAIT = 60
FOLDER = Path(os.environ["JOBS_FOLDER"])

app = Celery("jobs", broker=os.environ["JOBS_BROKER"], backend=os.environ["JOBS_BACKEND"])
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)
if "JOBS_BEAT" in os.environ:
    app.conf.beat_schedule = {"often": {"task": os.environ["JOBS_BEAT"], "schedule": 0.4}}
if app.conf.broker_url.startswith("filesystem"):
    app.conf.broker_transport_options = {
        "data_folder_in": str(FOLDER / "queue"),
        "data_folder_out": str(FOLDER / "queue"),
        "control_folder": str(FOLDER / "control"),
        "polling_interval": 0.05,
    }
    for part in ("queue", "control", "results"):
        (FOLDER / part).mkdir(exist_ok=True)


@app.task
def remember(user):
    current_user.set(user)
    return current_user.get()


@app.task
def recall():
    user = current_user.get()
    time.sleep(0.3)  # whose it is may be told later than the task itself
    return user


@app.task
def tidy(user):
    before = current_user.get()
    token = current_user.set(user)
    try:
        return [before, current_user.get()]
    finally:
        current_user.reset(token)


@app.task
def patrol():
    """What a clock starts is nobody's: it must not find anybody, and leaves a trace that it has been there."""
    with (FOLDER / "patrols").open("a") as trace:
        trace.write(f"{current_user.get()}\n")


@app.task
def idle():
    time.sleep(0.3)
    return "nothing asked"


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def stubborn(self, user):
    current_user.set(user)
    if self.request.retries < 2:
        raise self.retry()
    return [current_user.get(), self.request.retries]


@app.task(soft_time_limit=1)
def slow(user):
    current_user.set(user)
    try:
        while True:
            time.sleep(0.01)
    except SoftTimeLimitExceeded as error:
        return type(error).__name__


@app.task(time_limit=2, acks_late=False)
def stuck(user):
    current_user.set(user)
    time.sleep(WAIT)


@app.task(time_limit=2, acks_late=False)
def stuck_and_careless():
    current_user.get()
    time.sleep(WAIT)


@app.task(bind=True, acks_late=True)
def refused(self):
    raise Reject("no", requeue=False)


@app.task
def broken(user):
    current_user.set(user)
    raise LookupError(current_user.get())


@app.task
def joined(parts, user):
    current_user.set(user)
    return [parts, current_user.get()]


def together(user):
    """A chain, a group and a chord of one user's tasks."""
    return [
        chain(tidy.si(user), tidy.si(user))(),
        group(tidy.si(user), tidy.si(user))(),
        chord([tidy.si(user), tidy.si(user)])(joined.s(user)),
    ]
