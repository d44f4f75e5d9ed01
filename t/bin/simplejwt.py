#!/usr/bin/python3
"""The original's own token library, asked by a test.

Reads one JSON request a line and answers each with one JSON line.  The key is the first
argument's environment variable.  Requests:

    {"op": "make", "type": "access"|"refresh", "user_id": ..., "lifetime": seconds}
        -> {"token": ...}
    {"op": "read", "type": "access"|"refresh"|"untyped", "token": ...}      rest_framework_simplejwt
    {"op": "jwt", "token": ...}                                             PyJWT alone
    {"op": "renew", "token": ...}                                           an access token for a refresh token
        -> {"claims": {...}} or {"token": ...}, or {"error": ...}
"""
import datetime
import json
import os
import sys

import django
from django.conf import settings

KEY = os.environ[sys.argv[1]]
settings.configure(
    SECRET_KEY=KEY,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    SIMPLE_JWT={
        "ACCESS_TOKEN_LIFETIME": datetime.timedelta(days=7),
        "REFRESH_TOKEN_LIFETIME": datetime.timedelta(days=30),
    },
)

django.setup()

import jwt  # noqa: E402  (these want settings)
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, UntypedToken  # noqa: E402

TYPES = {"access": AccessToken, "refresh": RefreshToken, "untyped": UntypedToken}


def make(ask):
    token = TYPES[ask["type"]]()
    token["user_id"] = ask["user_id"]
    if "lifetime" in ask:
        token.set_exp(lifetime=datetime.timedelta(seconds=ask["lifetime"]))
    return {"token": str(token)}


def read(ask):
    return {"claims": TYPES[ask["type"]](ask["token"]).payload}


def plain(ask):
    return {"claims": jwt.decode(ask["token"], KEY, algorithms=["HS256"]), "header": jwt.get_unverified_header(ask["token"])}


def renew(ask):
    return {"token": str(RefreshToken(ask["token"]).access_token)}


OPS = {"make": make, "read": read, "jwt": plain, "renew": renew}
for line in sys.stdin:
    try:
        ask = json.loads(line)
        answer = OPS[ask["op"]](ask)
    except Exception as error:  # whatever it is, the test wants to know
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer), flush=True)
