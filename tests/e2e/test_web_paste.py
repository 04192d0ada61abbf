"""Every way in which a text comes into the terminal of the page without being typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import CTRL
from tests.e2e.house import House, shows, visit

if TYPE_CHECKING:
    from tests.e2e.browser import Browser, Page

pytestmark = pytest.mark.chromium

HOSTILE = "safe\x1b[201~\x03\x9bevil\x7f"
ARRIVES = "^[[200~safe[201~evil^[[201~"
"""What cat -v shows of it: once, in its brackets, and no key."""
ON_FIELD = (
    "((type, make) => { const data = new DataTransfer(); data.setData('text/plain', %s);"
    " document.activeElement.dispatchEvent(new make(type, {bubbles: true, cancelable: true,"
    " clipboardData: data, dataTransfer: data, inputType: 'insertFromPaste'})) })"
)


async def reader(browser: Browser, host: House) -> Page:
    """A program that shows every byte it gets, and wants pastes in brackets."""
    page = await visit(browser, host.invitation())
    await page.type("stty raw -echo; printf '\\033[?2004hread''y:'; cat -v\n")
    await shows(page, "ready:")
    await page.until("hatchway.terminal.modes.bracketedPasteMode")
    return page


async def arrives(page: Page, text: str) -> None:
    """It, and nothing else before what is typed next."""
    await page.type("|")
    await shows(page, f"ready:{text}|")
    await page.evaluate("hatchway.terminal.write('\\x1b[H\\x1b[2Jready:')")
    await page.until(
        "!hatchway.terminal.buffer.active.getLine(0).translateToString().includes('|')"
    )


async def test_nothing_that_is_pasted_ends_its_brackets_or_acts_as_a_key(
    host: House, browser: Browser
) -> None:
    page = await reader(browser, host)
    event = ON_FIELD % json.dumps(HOSTILE)
    for kind, name in (
        ("paste", "ClipboardEvent"),
        ("drop", "DragEvent"),
        ("beforeinput", "InputEvent"),
    ):
        await page.evaluate(f"{event}('{kind}', {name})")
        await arrives(page, ARRIVES)
    # Ctrl+V of the clipboard itself, as the browser does it.
    await page.evaluate(
        "document.addEventListener('copy', event => { event.preventDefault();"
        f" event.clipboardData.setData('text/plain', {json.dumps(HOSTILE)}) }}, {{once: true}});"
        " document.execCommand('copy')"
    )
    await page.call("Input.dispatchKeyEvent", type="keyDown", key="V", commands=["paste"])
    await arrives(page, ARRIVES)
    # What a phone's keyboard inserts is a paste as soon as it holds more than characters.
    await page.call("Input.insertText", text=HOSTILE)
    await arrives(page, ARRIVES)
    await page.call("Input.insertText", text="plain é日")
    await arrives(page, "plain M-CM-)M-fM-^WM-%")
    # By hand, where the page may not read the clipboard.
    await page.evaluate("navigator.clipboard.readText = () => Promise.reject(new Error('no'))")
    await page.click("#menu")
    await page.click("#paste")
    await page.until("document.querySelector('#paste-dialog').open")
    await page.evaluate(f"document.querySelector('#paste-text').value = {json.dumps(HOSTILE)}")
    await page.click("#paste-dialog .primary")
    await arrives(page, ARRIVES)


async def test_what_an_input_method_composes_holds_no_keys(host: House, browser: Browser) -> None:
    page = await reader(browser, host)
    await page.call(
        "Input.imeSetComposition", text=HOSTILE, selectionStart=0, selectionEnd=len(HOSTILE)
    )
    await page.call("Input.insertText", text=HOSTILE)
    # xterm.js reads what was composed a moment later; a key before that would cut it off.
    await shows(page, "ready:safe")
    await arrives(page, "safe[201~evil")


async def test_a_sticky_ctrl_is_for_the_next_key_and_not_for_a_paste(
    host: House, browser: Browser
) -> None:
    page = await reader(browser, host)
    await page.evaluate(
        "[...document.querySelectorAll('#keys button')].find(b => b.innerText === 'Ctrl').click()"
    )
    await page.evaluate("hatchway.terminal.write('\\x1b[?2004l')")
    await page.until("!hatchway.terminal.modes.bracketedPasteMode")
    await page.evaluate(f"{ON_FIELD % json.dumps('c')}('paste', ClipboardEvent)")
    await page.type("d")
    await shows(page, "ready:c^D")


async def test_a_paste_of_several_lines_asks_about_what_would_be_typed(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("printf '\\033[?2004l'; sh\n")
    await page.until("!hatchway.terminal.modes.bracketedPasteMode")
    text = json.dumps("echo a-$((1+1))\x1b\r\necho b\x00-$((1+1))\r\n")
    await page.evaluate(f"{ON_FIELD % text}('paste', ClipboardEvent)")
    await page.until("document.querySelector('#paste-dialog').open")
    shown = await page.evaluate("document.querySelector('#paste-text').value")
    assert shown == "echo a-$((1+1))\necho b-$((1+1))\n"
    await page.click("#paste-dialog .primary")
    await shows(page, "b-2")


async def test_nothing_that_was_printed_is_typed(host: House, browser: Browser) -> None:
    """Titles, links and strings that a program asks back: what they hold is never input."""
    page = await reader(browser, host)
    printed = "".join(
        f"\x1b]{number};evil\x07\x1b]{number};evil;?\x07" for number in (0, 1, 2, 4, 8, 10, 52, 104)
    )
    printed += "\x1b[20t\x1b[21t\x05\x1bP$qevil\x1b\\\x1bP+q6576696c\x1b\\\x1b[?1;evil$p"
    await page.evaluate(f"hatchway.terminal.write({json.dumps(printed)})")
    await page.press("c", CTRL)
    await shows(page, "^C")
    screen = "hatchway.terminal.buffer.active.getLine(0).translateToString()"
    heard = (await page.evaluate(screen)).replace("ready:", "").replace("evil$p", "")
    assert "evil" not in heard
