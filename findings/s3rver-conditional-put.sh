#!/usr/bin/env bash
# s3rver takes a put that must only create an object, and overwrites the object that is there.
#
# Expected: a put with `If-None-Match: *` where the object exists is answered 412 and changes
#           nothing, and so is one with `If-Match` and the tag of an older version, as Amazon S3
#           does since 2024; a server that knows no conditions refuses them (501, NotImplemented).
# Happens:  both are answered 200, and the object is the new one.
# Matters:  two writers who keep each other from overwriting by such puts (locks, manifests of
#           tables) both succeed, and what one of them wrote is gone without an error. Tests that
#           run against s3rver do not see it.
# Known:    not found among its issues.
# Versions: s3rver 3.7.1 (npm), the newest; with Node.js 20.
# Date:     2026-12-01

set -euo pipefail

folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" s3rver@3.7.1 >/dev/null 2>&1

cat > "$folder/serve.js" <<'JAVASCRIPT'
const S3rver = require("s3rver");
const [directory, told] = process.argv.slice(2);
const options = { port: 0, address: "127.0.0.1", directory, silent: true,
                  allowMismatchedSignatures: true, configureBuckets: [{ name: "b" }] };
new S3rver(options).run().then(({ port }) => require("fs").writeFileSync(told, String(port)));
JAVASCRIPT
mkdir "$folder/data"
(cd "$folder" && exec node serve.js "$folder/data" "$folder/port") &
server=$!

python3 - "$folder/port" <<'PYTHON'
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

told = Path(sys.argv[1])
for _ in range(600):
    if told.exists() and told.read_text():
        break
    time.sleep(0.1)
address = f"http://127.0.0.1:{told.read_text()}/b/manifest"


def ask(method: str, body: bytes | None = None, **conditions: str) -> tuple[int, bytes, str]:
    """Status, body and tag of what comes back."""
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    request = urllib.request.Request(address, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read(), reply.headers.get("ETag", "")
    except urllib.error.HTTPError as error:
        return error.code, error.read(), ""


_, _, old = ask("PUT", b"first")
ask("PUT", b"second")
seen = {
    "If-None-Match: * where it exists": ask("PUT", b"third", If_None_Match="*")[0],
    "what is there then": ask("GET")[1].decode(),
    "If-Match with an older tag": ask("PUT", b"fourth", If_Match=old)[0],
    "and then": ask("GET")[1].decode(),
}
recorded = {
    "If-None-Match: * where it exists": 200,
    "what is there then": "third",
    "If-Match with an older tag": 200,
    "and then": "fourth",
}
for case, outcome in seen.items():
    print(f"{case:34} {outcome}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-12-01: {recorded}")
print("As recorded: neither condition kept the object from being overwritten.")
PYTHON
