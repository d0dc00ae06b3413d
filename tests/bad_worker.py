"""A worker that does to its supervisor what the address of each page says; started as `python -m tests.bad_worker`.

`/once/...` misbehaves only in a process that has had another page before. Anything else is answered.
"""

import os
import signal
import sys
import time
from urllib.parse import urlsplit

from archive.analyse import codec, messages
from archive.model import Article, PageType


def main():
    answers = sys.stdout.buffer
    if "stillborn" in sys.argv:
        sys.exit("no such library")
    answers.write(messages.message({"ready": True}))
    answers.flush()
    served = 0
    while job := messages.read_message(sys.stdin.buffer):
        path = urlsplit(str(job["url"])).path
        if not path.startswith("/once/") or served:
            misbehave(path.rpartition("/")[2], answers)
        article = Article(PageType.ARTICLE, headline=path, text=str(os.getpid()))
        answer = {"id": job["id"], "article": codec.to_json(article)}
        if path.endswith("/big"):
            answer["held_bytes"] = 10**12
        answers.write(messages.message(answer))
        answers.flush()
        served += 1


def misbehave(deed, answers):
    match deed:
        case "exit":
            sys.exit("memory used up")
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(3600)
        case "rubbish":
            answers.write(b"<html>\n")
        case "flood":
            answers.write(b"\0\0\1\0" + b"x" * 255)
        case "other":
            answers.write(messages.message({"id": "urn:uuid:other", "article": {}}))
        case "shape":
            answers.write(messages.message({"article": {"page_type": 1}}))
        case "deaf":
            answers.close()
            os.close(1)
            time.sleep(3600)
    answers.flush()


main()
