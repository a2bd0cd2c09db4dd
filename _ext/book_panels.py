"""The frames of panels, beside the page: each panel's come when the reader comes near it.

Of a panel's frames the page holds the one in sight. The others were up to half of what a page
weighs; they stand in `_static/panels`, one script for each panel, which `panel.js` asks for. It
is a script, and no JSON, since a page that is opened from a file may fetch nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

FOLDER = "_static/panels"
PANEL = re.compile(r'<figure class="panel"(.*?</figure>)', re.DOTALL)
HIDDEN_FRAME = re.compile(
    r'<div class="panel-frame" hidden="hidden">(.*?</p>\n</div>)\n</div>', re.DOTALL
)
PLACE = "<template></template>"


def apart(page: str, folder: Path, address: str) -> str:
    """Return the page with an empty template in each hidden frame's place.

    Each panel's frames are written to a file in ``folder``, which is at ``address`` for the
    page and has its name from what it holds: a page never meets the frames of another build.
    """

    def lightened(panel: re.Match[str]) -> str:
        frames = HIDDEN_FRAME.findall(panel[1])
        if not frames:
            return panel[0]
        held = json.dumps(frames, ensure_ascii=False)
        name = f"{hashlib.sha256(held.encode()).hexdigest()[:16]}.js"
        folder.mkdir(parents=True, exist_ok=True)
        script = f"document.currentScript.frames = {held};\n"
        (folder / name).write_text(script, encoding="utf-8")
        rest = HIDDEN_FRAME.sub(PLACE, panel[1])
        return f'<figure class="panel" data-rest="{address}/{name}"{rest}'

    return PANEL.sub(lightened, page)


def begin(app: Sphinx) -> None:
    """Remove the frames of an earlier build."""
    shutil.rmtree(Path(app.outdir) / FOLDER, ignore_errors=True)


def lighten(
    app: Sphinx, pagename: str, _: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put the frames of a page's panels beside it."""
    if "body" in context:
        address = context["pathto"](FOLDER, resource=True)
        context["body"] = apart(context["body"], Path(app.outdir) / FOLDER, address)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to each page, after the theme has mended it."""
    app.connect("builder-inited", begin)
    app.connect("html-page-context", lighten, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
