#!/usr/bin/env python3
"""A program for tests of the plugin exec. Its arguments are what it does, in turn:

    ready | notready      say so
    read N                take N messages; `last` is the last of them
    answer [OUTCOME]      answer all that were taken and not answered, the last first
    say TEXT              a line, with {id} for the last id
    raw TEXT              bytes without a line end
    err TEXT              a line on stderr
    flood N TEXT          N times that line
    long N                a line of N bytes
    fds                   tell on stderr what it has open, its group, its environment
    child                 leave a child behind that ignores SIGTERM, and tell its pid
    deaf                  ignore SIGTERM
    noread                close stdin
    quiet                 close stdout
    wait SECONDS
    once FILE             go on only in the first run; in a later one, as `serve`
    serve                 ready, and answer all with accepted until the end of stdin
    eof                   read until the end of stdin
    exit N
"""
import json
import os
import signal
import subprocess
import sys
import time

todo = sys.argv[1:]
taken = []
last = "0"


def say(text):
    os.write(1, text.encode() + b"\n")


def take():
    global last
    line = b""
    while not line.endswith(b"\n"):
        c = os.read(0, 1)
        if not c:
            return None
        line += c
    m = json.loads(line)
    if "ack" in m:
        os.write(2, line)
        return m
    last = m["id"]
    taken.append(m)
    return m


def serve():
    say('{"ready":true}')
    while True:
        m = take()
        if m is None:
            return
        if "id" in m:
            say(json.dumps({"id": m["id"], "outcome": "accepted", "message_ids": [m["to"]]}))


def word():
    return todo.pop(0)


while todo:
    do = word()
    if do == "ready":
        say('{"ready":true}')
    elif do == "notready":
        say('{"ready":false,"why":"line is down"}')
    elif do == "read":
        for _ in range(int(word())):
            take()
    elif do == "answer":
        outcome = word()
        for m in reversed(taken):
            say(json.dumps({"id": m["id"], "outcome": outcome, "message_ids": ["x" + m["id"]]}))
        taken.clear()
    elif do == "say":
        say(word().replace("{id}", last))
    elif do == "raw":
        os.write(1, word().replace("{id}", last).encode())
    elif do == "err":
        os.write(2, word().encode().decode("unicode_escape").encode("latin1") + b"\n")
    elif do == "flood":
        n, text = int(word()), word()
        block = (text + "\n").encode() * 100
        for _ in range(n // 100):
            os.write(1, block)
    elif do == "long":
        sys.stdout.write("x" * int(word()) + "\n")
        sys.stdout.flush()
    elif do == "fds":
        fds = sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
        open_fds = [fd for fd in fds if os.path.exists("/proc/self/fd/%d" % fd) or fd < 3]
        os.write(2, ("fds=%s group=%s\n" % (open_fds, os.getpgrp() == os.getpid())).encode())
        os.write(2, ("cwd=%s key=%s stranger=%s\n" % (os.getcwd(), os.environ.get("OWN_KEY"),
                                                       os.environ.get("STRANGER"))).encode())
    elif do == "child":
        child = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
        os.write(2, ("child=%d\n" % child.pid).encode())
    elif do == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif do == "noread":
        os.close(0)
    elif do == "quiet":
        os.close(1)
    elif do == "wait":
        time.sleep(float(word()))
    elif do == "once":
        try:
            os.close(os.open(word(), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            serve()
            sys.exit(0)
    elif do == "serve":
        serve()
    elif do == "eof":
        while os.read(0, 65536):
            pass
    elif do == "exit":
        os._exit(int(word()))
    else:
        sys.exit("player.py: " + do)
