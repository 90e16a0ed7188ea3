"""What Python's Jinja renders, as transformers runs it, for many small templates.

    jinja.py                      writes test/golden/jinja.json, a few hundred distinct cases
    jinja.py OUT COUNT [SEED]     writes COUNT random programs besides the systematic ones to OUT
"""

import copy
import hashlib
import json
import re
import signal
import sys
from pathlib import Path

from jinja_cases import CONTEXT, FIXED, programs
from transformers.utils.chat_template_utils import _cached_compile_jinja_template as compile_template

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = {**CONTEXT, "documents": None, "add_generation_prompt": False, "bos_token": "<s>"}


class TooLong(Exception):
    pass


def give_up(*_):
    raise TooLong


def render(source: str) -> dict:
    """Text and the code-point spans of generation blocks, or the error."""
    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 2)
    variables = copy.deepcopy(VARIABLES)  # some filters change lists
    try:
        template = compile_template(source)
        blocks, spans = [], []
        with template.environment.activate_tracker(blocks, spans):
            for block in template.generate(**variables):
                blocks.append(block)
        text = "".join(blocks)
        text.encode()
        spans = [list(span) for span in spans if span[0] < span[1]]
        return {"text": text, "spans": spans} if spans else {"text": text}
    except (Exception, RecursionError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:120]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def settled(case: dict) -> dict:
    """A text that depends on addresses, the clock or chance is kept as one that must be refused."""
    changing = r" at 0x|<(generator|bound|built-in|class|function|Macro|jinja2|list_rev)|lipsum|random"
    if re.search(changing, case.get("text", "") + case["template"]):
        return {"template": case["template"], "error": "changes from run to run"}
    return case


def digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def main() -> None:
    if len(sys.argv) > 1:
        out, count = Path(sys.argv[1]), int(sys.argv[2])
        chosen = programs(count, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    else:
        # All fixed programs; of the others, those whose hash is small: a sample that any order keeps.
        out = ROOT / "test" / "golden" / "jinja.json"
        others = sorted((source for source in programs(3000, 1) if source not in FIXED), key=digest)
        chosen = FIXED + others[:500]
    cases = [settled({"template": source, **render(source)}) for source in chosen]
    from importlib.metadata import version

    versions = {name: version(name) for name in ("jinja2", "transformers")}
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    head = json.dumps({"versions": versions, "context": CONTEXT})[:-1]
    out.write_text(f'{head},\n  "cases": [\n{lines}\n  ]}}\n')
    print(f"{len(cases)} cases, {sum('error' in case for case in cases)} errors, in {out}")


if __name__ == "__main__":
    main()
