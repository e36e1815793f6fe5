"""Signs in once, and again when the session is over: most operations are for whoever is signed in."""

import os

import requests
import schemathesis

URL = f"http://localhost:{os.environ['PORT']}"


@schemathesis.auth(refresh_interval=120)
class SignedIn:
    def get(self, case, context):
        login = {"email": os.environ["ADMIN_EMAIL"], "password": os.environ["ADMIN_PASSWORD"]}
        answer = requests.post(f"{URL}/auth/login", json=login, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]["access_token"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
