"""Signs in once, and again when the session is over: most operations are for whoever is signed in."""

import itertools
import os

import requests
import schemathesis
from schemathesis.generation import GenerationMode

URL = f"http://localhost:{os.environ['PORT']}"
EMAIL, PASSWORD = os.environ["ADMIN_EMAIL"], os.environ["ADMIN_PASSWORD"]


@schemathesis.auth(refresh_interval=120)
class SignedIn:
    def get(self, case, context):
        answer = requests.post(f"{URL}/auth/login", json={"email": EMAIL, "password": PASSWORD}, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]["access_token"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


turn = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """No generator guesses a password: every second well-formed try has the right one."""
    is_good = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if is_good and isinstance(case.body, dict) and next(turn) % 2 == 0:
        if case.operation.path == "/auth/login":
            case.body |= {"email": EMAIL, "password": PASSWORD}
        elif case.operation.path == "/users/me/tfa/generate":
            case.body |= {"password": PASSWORD}
