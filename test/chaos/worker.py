"""One node: a process that carries out commands on its standard input, a JSON line each."""

import json
import sys
import threading

import exatlas

out_lock = threading.Lock()


def say(document):
    with out_lock:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


def answer(client, command):
    try:
        result = client.call(command["method"], command["params"], timeout=command["timeout"])
        say({"id": command["id"], "result": result})
    except exatlas.AtlasError as error:
        say({"id": command["id"], "error": {"kind": error.kind, "message": str(error), "unknown": error.unknown_outcome}})


def watch(client, topic):
    try:
        for event in client.events.subscribe(topic, from_=1):
            say({"event": {"topic": event["topic"], "seq": event["seq"], "name": event["event"], "time": event["time"], "data": event["data"]}})
    except exatlas.AtlasError:
        pass  # the reader asks again


def main():
    client = exatlas.Client(**json.loads(sys.argv[1]))
    say({"ready": True})
    for line in sys.stdin:
        command = json.loads(line)
        if "watch" in command:
            threading.Thread(target=watch, args=(client, command["watch"]), daemon=True).start()
        else:
            threading.Thread(target=answer, args=(client, command), daemon=True).start()
    client.close(timeout=5)


main()
