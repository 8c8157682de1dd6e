#!/usr/bin/env python3
"""A gateway in Python for the plugin `exec`; plugins/README.md has the protocol.

Here a message is a line in a file. Put your own provider into send(): what it returns, or
raises, is the answer. Messages are sent by several threads at once, so answers come in any order.
"""
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

OUTBOX = os.environ.get("OUTBOX", "/dev/null")
KEY = os.environ.get("OWN_KEY", "")  # of `secrets`: not on the command line, where all can see it
lock = threading.Lock()


def say(**line):
    """One line to the daemon: whole, and at once."""
    with lock:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def send(m):
    """Hands one message over. Raise only before it can have left: that is tried again."""
    if not m["to"]:
        return {"outcome": "rejected", "reason": "number", "words": "no address"}
    with lock, open(OUTBOX, "a", encoding="utf-8") as out:
        out.write(json.dumps({"to": m["to"], "text": m["text"]}, ensure_ascii=False) + "\n")
    return {"outcome": "accepted", "message_ids": [m["reference"][-64:]]}


def answer(m):
    try:
        result = send(m)
    except OSError as e:
        result = {"outcome": "retry", "reason": "outage", "words": str(e)}
    say(id=m["id"], **result)
    if result["outcome"] == "accepted":
        # With `receipts = true`. A provider tells this later: say it when it does.
        for message_id in result["message_ids"]:
            say(receipt={"message_id": message_id, "state": "delivered"})


def main():
    say(ready=True)
    with ThreadPoolExecutor(max_workers=4) as pool:
        for line in sys.stdin:  # its end is ours
            m = json.loads(line)
            if "ack" not in m:
                pool.submit(answer, m)


main()
