"""Have a browser visit the sandbox, and save what it saw: tests/cassettes/files/browser.har.

    pip install playwright && python tests/support/browse.py /usr/bin/chromium

The sandbox's address, which is another each time, becomes http://sandbox.example.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from satchel.testing import running_sandbox

HAR = Path(__file__).parent.parent / "cassettes" / "files" / "browser.har"
VISIT = """async () => {
    const form = new URLSearchParams([["id", "7001"], ["id", "7002"]]);
    await fetch("/public/accounts/account/bulk", {
        method: "POST", body: form, headers: {"Ocp-Apim-Subscription-Key": "sandbox"},
    });
    for (const path of ["creators", "posts", "posts/random"])
        await fetch("/kemono/api/v1/" + path, {headers: {"Accept": "text/css"}});
    await fetch("/nowhere");
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_sandbox() as sandbox:
        path = Path(folder, "x.har")
        with sync_playwright() as playwright:
            # Root, as in containers, has no other way to run one.
            browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
            context = browser.new_context(record_har_path=path)
            page = context.new_page()
            page.goto(f"{sandbox.url}/rooms/hot?take=100&skip=0")
            page.evaluate(VISIT)
            context.close()
            browser.close()
        text = path.read_text().replace(sandbox.url, "http://sandbox.example")
        HAR.write_text(text.replace(sandbox.url.removeprefix("http://"), "sandbox.example"))


if __name__ == "__main__":
    main()
