"""Takes the README's picture of the live view: python tests/viewer_picture.py [--run RUN | --prompt …] [--after STEP].

Shows a finished run with `viewer.py`, or starts `train.py` and waits for a step; opens the page in headless Chromium
and writes assets/viewer.png. Run it on a quiet machine: the browser draws in software.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from viewer_support import PATIENCE, browser, click, open_tab

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="a finished run to show")
    parser.add_argument("--prompt", default="a cozy living room")
    parser.add_argument("--object", action="store_true", help="an object instead of a scene")
    parser.add_argument("--after", type=int, default=400, help="step to wait for")
    parser.add_argument("--tab", default="Plots", help="tab to show")
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "viewer.png")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "train.py", "--prompt", arguments.prompt, "--output", folder, "--port", "0"]
        command.append("--object" if arguments.object else "--scene")
        if arguments.run:
            command = [sys.executable, "-u", "viewer.py", str(arguments.run), "--port", "0"]
        run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert run.stdout is not None
        address = ""
        for line in run.stdout:
            print(line, end="")
            if found := re.search(r"Viewer: (http://\S+)", line):
                address = found[1]
            if address and arguments.run:
                break
            if address and (step := re.match(r"step (\d+)/", line)) and int(step[1]) >= arguments.after:
                break
        try:
            with browser(f"{address}/?fixedDpr=1", 1280, 800) as page:
                if not arguments.run:
                    click(page.get_by_role("button", name="Pause"))  # the machine is then the browser's
                open_tab(page, arguments.tab)
                for close in page.locator(".mantine-Notification-closeButton").all():
                    close.click(force=True)
                time.sleep(20)
                page.screenshot(path=arguments.output, timeout=PATIENCE * 1000)
        finally:
            run.send_signal(signal.SIGINT)
            run.communicate()


if __name__ == "__main__":
    main()
