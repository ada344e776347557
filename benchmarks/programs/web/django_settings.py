"""Django's settings; the database lies in the folder that the server runs in."""

PAGE = """{% load humanize %}<!doctype html><title>Notes</title><h1>{{ user.get_username }}</h1>{% csrf_token %}
<ul>{% for note in notes %}<li id="{{ note.id }}">{{ note.title|capfirst }} {{ note.weight|intcomma }}
<i>{{ note.owner }}</i></li>{% endfor %}</ul>"""

SECRET_KEY = "a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "benchmarks.programs.web.django_app"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.sqlite", "CONN_MAX_AGE": None}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [("django.template.loaders.locmem.Loader", {"notes.html": PAGE})],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
