#!/bin/bash
# The first process of scrapyd's container. A crawl that is told to end stores what it has; but
# scrapyd tells none of them, and as the first process it would take them with it. So a shell
# is that, which tells all of them, and waits for them.
set -m # scrapyd and its crawls are a process group of their own.
trap : TERM
# Its number is the same each time: it would take the twistd.pid of one that was killed for another's.
scrapyd --pidfile= &
wait
kill -- -$! 2>/dev/null
while kill -0 -- -$! 2>/dev/null; do sleep 0.2; done
