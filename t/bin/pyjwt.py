#!/usr/bin/python3
"""PyJWT, asked by a test. One JSON request a line, one JSON line for an answer:

    {"op": "read", "token": ..., "jwks": {"keys": [...]}, "alg": "ES256"}   -> {"claims": {...}, "header": {...}}
    {"op": "make", "claims": [[name, value], ...], "file": ..., "alg": ..., "kid": ...}   -> {"token": ...}

or {"error": ...}.
"""
import json
import sys

import jwt


def read(ask):
    header = jwt.get_unverified_header(ask["token"])
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(ask["jwks"]).keys}
    claims = jwt.decode(ask["token"], keys[header["kid"]].key, algorithms=[ask["alg"]],
                        options={"require": ["exp", "iat", "jti", "user_id"]})
    return {"claims": claims, "header": header}


def make(ask):
    with open(ask["file"]) as file:
        key = file.read()
    if ask["alg"] == "HS256":
        key = key.rstrip("\n")
    return {"token": jwt.encode(dict(ask["claims"]), key, algorithm=ask["alg"], headers={"kid": ask["kid"]})}


for line in sys.stdin:
    try:
        ask = json.loads(line)
        answer = {"read": read, "make": make}[ask["op"]](ask)
    except Exception as error:  # whatever it is, the test wants to know
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer), flush=True)
