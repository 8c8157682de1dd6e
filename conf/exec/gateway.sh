#!/bin/sh
# A gateway in shell for the plugin `exec`: runs a command for each message, with the text on its
# stdin and the address as its last argument.
#
#     command = ( "/usr/local/lib/outreach/gateway.sh", "/usr/local/bin/send-one" );
#
# How the command ends is the answer, by the codes of sysexits.h. Needs jq. plugins/README.md has
# the protocol.
[ $# -gt 0 ] || { echo "gateway.sh: which command?" >&2; exit 64; }

echo '{"ready":true}'
while IFS= read -r line; do
    id=$(printf '%s' "$line" | jq -r '.id // empty')
    [ -n "$id" ] || continue
    to=$(printf '%s' "$line" | jq -r .to)
    # What it prints is for people, and must not be taken for an answer: it goes to the log.
    printf '%s' "$line" | jq -j .text | "$@" "$to" >&2
    case $? in
    0) answer='"outcome":"accepted"' ;;
    64 | 77 | 78) answer='"outcome":"broken","reason":"credentials"' ;; # usage, permission, configuration
    65) answer='"outcome":"rejected","reason":"text"' ;;
    67 | 68) answer='"outcome":"rejected","reason":"number"' ;; # no such person, no such host
    69 | 75) answer='"outcome":"retry","reason":"outage"' ;;    # not there, try again
    *) answer='"outcome":"unknown"' ;;                          # it may have been sent
    esac
    printf '{"id":"%s",%s}\n' "$id" "$answer"
done
