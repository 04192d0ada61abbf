"""What the page shows of a shell with many people. The test speaks for the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import CTRL, SHIFT
from tests.e2e.house import FOOT, LIVE, TEXT, press, shows
from tests.e2e.scripted_host import HOST, ME, ScriptedHost, person
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.browser import Browser, Page

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]

STATE = "hatchway.session.state"
ROLE = "document.querySelector('#role-text').innerText"
SIZE = "[hatchway.terminal.cols, hatchway.terminal.rows]"
IN_TERMINAL = "document.activeElement.classList.contains('xterm-helper-textarea')"
BUTTONS = "[...document.querySelectorAll('#foot-buttons button')].map(b => b.innerText)"


@pytest.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    async with ScriptedHost().serve() as made:
        yield made


async def arrive(browser: Browser, host: ScriptedHost, address: str = "", **options: int) -> Page:
    page = await browser.open(address or host.address, **options)
    await page.until(LIVE)
    await host.come()
    return page


async def test_the_page_introduces_itself(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    (hello,) = host.hellos
    assert {
        "snapshot",
        "size",
        "people",
        "keyboard",
        "recording",
        "idle",
        "history",
        "mute",
        "reveal",
    } == set(hello["caps"])
    assert len(bytes.fromhex(hello["guest"])) == 16
    assert len(hello["theme"]["palette"]) == 16
    assert hello["features"] == ["sync", "graphemes", "osc52"]
    assert "name" not in hello
    # A name is said at once, and the same guest comes back to the same shell.
    await page.click("#menu")
    await page.evaluate("document.querySelector('#name').value = 'Da\\u202eve \\n'")
    await page.click("#name-form button")
    await until(lambda: len(host.hellos) == 2, what="another hello")
    again = host.hellos[1]
    assert (again["name"], again["guest"], again["shell"]) == ("Dave", hello["guest"], "sh1")
    assert host.offers[1]["resume"] == "token-1"
    await page.until(LIVE)
    await page.reload()
    await page.until(LIVE)
    assert (host.hellos[2]["name"], host.hellos[2]["guest"]) == ("Dave", hello["guest"])


async def test_the_terminal_has_the_shells_size_and_never_the_windows(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    await page.until(f"{SIZE}.join() === '80,24'")
    await page.until("document.querySelector('#foot-size').innerText === '80 × 24'")
    mine = (host.hellos[0]["cols"], host.hellos[0]["rows"])
    assert mine > (80, 24)
    await page.resize(900, 500)
    await until(
        lambda: any(said["type"] == "resize" for said in host.said), what="my window's size"
    )
    assert await page.evaluate(SIZE) == [80, 24]
    # It changes in order with the output: the first line fits before, the second one after.
    host.output("\r\n" + "x" * 80 + "\r\n")
    host.say("size", cols=40, rows=20, by=HOST)
    host.output("y" * 40 + "\r\nend-of-it")
    await shows(page, "end-of-it")
    assert await page.evaluate(SIZE) == [40, 20]
    host.people(person(HOST, "workbench", kind="host"), person(ME, "Dave"))
    await page.until(
        "document.querySelector('#foot-size').innerText.includes('in workbench’s window')"
    )
    # It asks for its window's size, in one step or more, and never for the shell's.
    asked = [(said["cols"], said["rows"]) for said in host.said if said["type"] == "resize"]
    assert not {(80, 24), (40, 20)} & set(asked)


async def test_a_larger_shell_is_shown_whole_or_in_part(
    host: ScriptedHost, browser: Browser
) -> None:
    host.welcome |= {"role": "view", "cols": 160, "rows": 50}
    page = await arrive(browser, host, width=1000, height=600)
    host.output("\x1b[50;150Hcorner")
    await shows(page, "corner")
    fits = (
        "(() => { const s = document.querySelector('.xterm-screen').getBoundingClientRect(),"
        " p = document.querySelector('#pane').getBoundingClientRect();"
        " return s.width <= p.width && s.height <= p.height })()"
    )
    await page.until(fits)
    await page.until("document.querySelector('#foot-size').innerText.includes('shown at')")
    await press(page, "full")
    await page.until(f"!{fits}")
    # The part around the cursor is in view.
    await page.until("document.querySelector('#pane').scrollLeft > 100")
    await press(page, "fit")
    await page.until(fits)
    assert await page.evaluate(SIZE) == [160, 50]


async def test_who_is_here_and_who_types(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    assert await page.evaluate("document.querySelector('#people').hidden")
    carol = person("p3", "Carol\u202e", typing=True)
    host.people(person("p4", "", "view", kind="tty"), carol, person(ME, "Dave"),
                person(HOST, "workbench", kind="host"), person("p5", "Erin", "view"))  # fmt: skip
    await page.until(f"{FOOT}.startsWith('Carol is typing.')")
    faces = "[...document.querySelectorAll('#faces .face')].map(f => f.innerText)"
    assert (await page.evaluate(faces))[1:] == ["D", "G", "C"]
    label = await page.evaluate("document.querySelector('#people').getAttribute('aria-label')")
    assert label == "5 here. Carol is typing. Open the list."
    await page.click("#people")
    rows = await page.evaluate(
        "[...document.querySelectorAll('#people-list li')].map(r => r.innerText)"
    )
    assert [" ".join(row.split()[-3:]) for row in rows][1] == "(you) can type"
    assert "workbench" in rows[0]
    assert "views" in rows[2]
    assert "is typing" in rows[3]
    # Typing closes the list: it is not in the way.
    await page.evaluate("hatchway.terminal.focus()")
    await page.type("x")
    await page.until("document.querySelector('#panel').hidden")
    await until(lambda: host.typed == b"x")


async def test_a_viewer_asks_is_denied_asks_again_and_may_type(
    host: ScriptedHost, browser: Browser
) -> None:
    host.welcome["role"] = "view"
    page = await arrive(browser, host)
    host.say("keyboard", state="open")
    await page.until(f"{ROLE} === 'You view'")
    await page.type("x")
    await page.until("document.querySelector('#foot').classList.contains('hinted')")
    await press(page, "ask")
    await until(lambda: host.said[-1:] == [{"type": "ask_keyboard", "on": True}], what="asking")
    assert await page.evaluate(IN_TERMINAL)
    host.say("keyboard", state="open", asked="waiting", again_in=30)
    await page.until(f"{FOOT}.startsWith('Asked for the keyboard')")
    await press(page, "unask")
    await until(lambda: host.said[-1] == {"type": "ask_keyboard", "on": False}, what="no longer")
    host.say("keyboard", state="open", asked="denied", again_in=2)
    await page.until(f"/kept the keyboard. You can ask again in [12] s/.test({FOOT})")
    await press(page, "ask")
    host.say("keyboard", state="taken", holder=ME)
    host.say("role", role="control")
    await page.until(f"{ROLE} === 'You can type'")
    await page.type("ls")
    await until(lambda: host.typed == b"ls", what="what may be typed")
    await press(page, "unask")
    host.say("keyboard", state="open")
    host.say("role", role="view")
    await page.until(f"{ROLE} === 'You view'")
    assert host.typed == b"ls"


async def test_frozen_and_taken_say_why_nothing_is_typed(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    size = await page.evaluate(SIZE)
    host.people(person(HOST, "", kind="host"), person(ME, "Dave"))
    host.say("keyboard", state="frozen")
    await page.until(f"{FOOT}.startsWith('The host has frozen this terminal.')")
    aloud = "document.querySelector('#foot-alert').textContent"
    assert "frozen" in await page.evaluate(aloud)
    await page.type("x")
    await page.until("document.querySelector('#foot').classList.contains('hinted')")
    host.say("keyboard", state="taken", holder=HOST)
    await page.until(f"{ROLE} === 'workbench types'")
    assert (await page.evaluate(FOOT)).startswith("workbench has the keyboard.")
    await page.type("y")
    host.say("keyboard", state="open")
    await page.until(f"{ROLE} === 'You can type'")
    await page.type("z")
    await until(lambda: host.typed == b"z", what="nothing but what may be typed")
    assert await page.evaluate(SIZE) == size


async def test_programs_ask_in_vain_and_nothing_typed_is_examined(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    host.output(
        "\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[?1$p\x1b[4$p\x1b[18t\x1b[14t\x1b[21t\x1bZ\x1b[x"
        "\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07\x1b]10;?;?;?\x07"
        "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1b]52;c;?\x07\x1b[>q\x1b[?u"
        # One that sets and asks at once still sets.
        "\x1b]4;1;?;2;#123456\x07\x1b]10;?;#102030\x07asked"
    )
    await shows(page, "asked")
    await page.type("a")
    # F3 with Shift has the form of an answer to DSR.
    await page.evaluate("hatchway.terminal.input('\\x1b[1;2R', true)")
    await until(lambda: host.typed == b"a\x1b[1;2R", what="what was typed, and nothing else")
    colors = "hatchway.terminal._core._themeService.colors"
    assert await page.evaluate(f"[{colors}.ansi[2].css, {colors}.background.css]") == [
        "#123456",
        "#102030",
    ]


async def test_an_older_host_gets_its_answers_and_leaves_the_size_to_the_page(
    host: ScriptedHost, browser: Browser
) -> None:
    host.welcome |= {"capabilities": ["resume", "idle"], "shell": "", "participant": ""}
    page = await arrive(browser, host)
    assert await page.evaluate(SIZE) == [host.hellos[0]["cols"], host.hellos[0]["rows"]]
    host.output("\x1b[5n")
    await until(lambda: host.typed == b"\x1b[0n", what="an answer")
    host.people(person(HOST, "workbench", kind="host"))
    host.say("keyboard", state="frozen")
    await page.type("x")
    await until(lambda: host.typed == b"\x1b[0nx", what="what was typed")


async def test_a_snapshot_replaces_the_screen_and_says_what_was_missed(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    # It comes first for whoever joins: nothing is missed.
    host.snapshot(500, "joined", cols=90, rows=30)
    await shows(page, "joined")
    assert "missed" not in await page.evaluate(FOOT)
    # Later ones come in the middle of a sequence, a character, and a program's colors.
    host.output(b"\x1b[31mgarbage \xe2\x9c")
    host.snapshot(3_200_000, "\x1b]52;c;aGF0Y2g=\x07\x07new screen", cols=100, rows=31)
    host.output(" goes on")
    await shows(page, "new screen goes on")
    text = await page.evaluate(TEXT)
    assert "garbage" not in text
    assert "joined" not in text
    assert await page.evaluate(SIZE) == [100, 31]
    await page.until(f"{FOOT}.startsWith('You missed 3.2 MB of output')")
    # A copy in a snapshot was asked for before.
    assert await page.evaluate(BUTTONS) == []
    pen = "hatchway.terminal.buffer.active.getLine(0).getCell(0).isFgDefault()"
    assert await page.evaluate(pen)


async def test_history_comes_when_it_is_looked_for(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    rows = "\r\n".join(f"line {n}" for n in range(100, 150))
    host.snapshot(1000, rows, left_out=100)
    await shows(page, "line 149")
    await page.evaluate("hatchway.terminal.scrollLines(-5)")
    await page.until(f"{FOOT}.startsWith('5 lines back.')")
    assert not host.said
    await page.evaluate("hatchway.terminal.scrollToTop()")
    await until(lambda: [said["type"] for said in host.said] == ["history"], what="history")
    assert host.said[0] == {"type": "history", "before": 1000, "lines": 100}
    host.snapshot(1000, "\r\n".join(f"line {n}" for n in range(150)))
    await shows(page, "line 0\n")
    # What was looked at is still in view.
    top = "hatchway.terminal.buffer.active.getLine(hatchway.terminal.buffer.active.viewportY)"
    await page.until(f"{top}.translateToString(true) === 'line 100'")
    await press(page, "end")
    await page.until(f"!{FOOT}.includes('back')")


async def test_a_screen_that_comes_alone_asks_for_no_history(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    # Half of it is there, and nothing is scrolled back: the first line is in view.
    rows = "\r\n".join(f"line {n}" for n in range(100, 150)).encode()
    host.say("snapshot", at=1000, cols=80, rows=24, bytes=len(rows), left_out=100)
    host.send(rows[:50])
    await shows(page, "line 104")
    await page.resize(900, 500)
    await until(lambda: [said["type"] for said in host.said] == ["resize"], what="another size")
    host.send(rows[50:])
    await shows(page, "line 149")
    # A screen of which nothing is above the window.
    host.at = 1000
    host.snapshot(2000, "alone", left_out=70)
    await shows(page, "alone")
    await page.resize(950, 550)
    await until(lambda: len(host.said) > 1, what="another size")
    await page.until("document.querySelector('#foot-size').innerText")
    assert {said["type"] for said in host.said} == {"resize"}
    await page.wheel(-100)
    await until(lambda: host.said[-1]["type"] == "history", what="history")
    assert host.said[-1] == {"type": "history", "before": 2000, "lines": 70}


async def test_a_recording_is_said_and_seen(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    mark = "!document.querySelector('#recording').hidden"
    assert not await page.evaluate(mark)
    host.say("recording", on=True, since=1_790_000_000)
    await page.until(f"{FOOT}.startsWith('The host records this terminal since')")
    assert await page.evaluate(mark)
    host.say("recording", on=False)
    await page.until(f"{FOOT}.startsWith('The host stopped recording.')")
    assert not await page.evaluate(mark)


async def test_what_was_typed_while_away_is_sent_once(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    host.refusal = {"error": "paused", "code": "link_suspended"}
    await host.lose()
    await page.until(f"{STATE}.phase === 'reconnecting'")
    await page.type("ls\n")
    kept = "document.querySelector('#foot-kept').innerText"
    await page.until(f"{kept}.replace(/\\s/g, '') === 'lsEnter'")
    assert "Sent when you are back" in await page.evaluate(FOOT)
    # A paused link is tried for as long as it takes.
    await page.until(f"{FOOT}.includes('The host has paused this link.')")
    host.refusal = None
    host.welcome |= {"resumed": True, "typed": False}
    await press(page, "hurry")
    await page.until(LIVE)
    await until(lambda: host.typed == b"ls\r", what="what was typed")
    await page.until(
        "document.querySelector('.mark-line')?.dataset.words.startsWith('reconnected')"
    )


@pytest.mark.parametrize("act", ["send", "discard"])
async def test_what_was_typed_while_away_waits_when_others_typed(
    host: ScriptedHost, browser: Browser, act: str
) -> None:
    page = await arrive(browser, host)
    host.output("Password for dave: ")
    await shows(page, "Password")
    host.welcome |= {"resumed": True, "typed": True}
    host.refusal = {"error": "not yet", "code": "timeout"}
    await host.lose()
    await page.until(f"{STATE}.phase === 'reconnecting'")
    await page.type("hunter2\n")
    host.refusal = None
    await page.until(LIVE)
    await page.until(f"{FOOT}.includes('Somebody else has typed since')")
    # Nobody needs to read a password over one's shoulder.
    kept = "document.querySelector('#foot-kept').innerText"
    assert "hunter" not in await page.evaluate(kept)
    await page.evaluate("document.querySelector('#foot-kept button').click()")
    assert "hunter2" in await page.evaluate(kept)
    await page.type("z")
    await until(lambda: host.typed == b"z", what="what is typed now")
    await press(page, act)
    await page.type("!")
    expected = b"zhunter2\r!" if act == "send" else b"z!"
    await until(lambda: host.typed == expected, what="what was chosen")
    assert await page.evaluate(IN_TERMINAL)


async def test_a_return_link_comes_back_elsewhere_and_the_first_page_takes_it_back(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host, host.link())
    host.output("kept text")
    await shows(page, "kept text")
    await page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    await page.click("#menu")
    await page.click("#return-link")
    address = await page.until("window.copied")
    assert address == host.link("token-1")
    host.welcome |= {"resumed": True, "resume": "token-2"}
    other = await browser.open(address)
    await until(lambda: len(host.offers) == 2, what="an offer")
    await other.until(LIVE)
    assert host.offers[1]["resume"] == "token-1"
    assert host.offers[1]["session_id"] != host.offers[0]["session_id"]
    # What is copied from there is the link alone.
    assert await other.evaluate("location.href") == host.link()
    host.refusal = {"error": "You came back elsewhere", "code": "replaced"}
    await page.evaluate(f"({STATE}.phase, hatchway.session.introduce())")
    await page.until(f"{FOOT}.startsWith('You opened this terminal elsewhere.')")
    assert "kept text" in await page.evaluate(TEXT)
    host.refusal = None
    await press(page, "back")
    await page.until(LIVE)
    assert (host.offers[-1]["again"], host.offers[-1]["resume"]) == (True, "token-1")
    assert host.offers[-1]["session_id"] == host.offers[0]["session_id"]


async def test_a_displaced_page_is_told_at_once_and_stays_so_over_a_reload(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    host.say("error", message="You came back elsewhere", code="replaced")
    await page.until(f"{FOOT}.startsWith('You opened this terminal elsewhere.')")
    host.refusal = {"error": "You came back elsewhere", "code": "replaced"}
    await page.reload()
    await page.until("document.querySelector('#card').innerText.includes('elsewhere')")
    assert host.offers[-1]["resume"] == "token-1"
    host.refusal = None
    await page.click("#reconnect")
    await page.until(LIVE)
    assert host.offers[-1]["again"] is True


async def test_a_return_link_to_a_shell_that_ended_opens_no_other(
    host: ScriptedHost, browser: Browser
) -> None:
    host.refusal = {"error": "It has ended", "code": "shell_ended"}
    page = await browser.open(host.link("token-1"))
    await page.until(
        "document.querySelector('#card').innerText.includes('The shared terminal has ended')"
    )
    assert await page.evaluate("document.querySelector('#reconnect').hidden")
    assert len(host.offers) == 1


async def test_a_paused_link_is_tried_again(host: ScriptedHost, browser: Browser) -> None:
    host.refusal = {"error": "paused", "code": "link_suspended"}
    page = await browser.open(host.link())
    await page.until(
        "document.querySelector('#card').innerText.includes('The host has paused this link')"
    )
    host.refusal = None
    await page.until(LIVE)


async def test_first_contact_asks_for_a_name_where_the_host_is_asked_anyway(
    host: ScriptedHost, browser: Browser
) -> None:
    host.target |= {"approval": True, "role": "view"}
    page = await browser.open(host.link())
    await page.until("!document.querySelector('#first').hidden")
    words = await page.evaluate("document.querySelector('#first').innerText")
    assert "workbench shares a terminal with you" in words
    assert "You view" in words
    assert not host.offers
    await page.type("Dave\n")
    await page.until(LIVE)
    assert host.hellos[0]["name"] == "Dave"
    await page.reload()
    await page.until(LIVE)


async def test_the_keyboard_alone_does_for_all_of_it(host: ScriptedHost, browser: Browser) -> None:
    host.welcome["role"] = "view"
    page = await arrive(browser, host)
    host.say("keyboard", state="open")
    await page.until(f"{BUTTONS}.length")
    await page.press("e", CTRL | SHIFT)
    await page.until("document.activeElement.dataset.act === 'ask'")
    await page.press("e", CTRL | SHIFT)
    assert await page.evaluate(IN_TERMINAL)
    names = "[...document.querySelectorAll('button')].map(b => b.ariaLabel || b.textContent.trim())"
    assert all(await page.evaluate(names))
    label = "hatchway.terminal.textarea.getAttribute('aria-label')"
    assert await page.evaluate(label) == "Terminal api-1 on workbench, read only"


async def test_after_the_settings_were_closed_by_mouse_typing_goes_to_the_terminal(
    host: ScriptedHost, browser: Browser
) -> None:
    page = await arrive(browser, host)
    await page.click("#menu")
    await page.click("#settings")
    await page.until("document.querySelector('#settings-dialog').open")
    await page.click("#settings-dialog menu button")
    await page.until("!document.querySelector('#settings-dialog').open")
    await page.until(IN_TERMINAL)
    await page.type("a b")
    await until(lambda: host.typed == b"a b", what="what was typed")
    assert not await page.evaluate("document.querySelector('#settings-dialog').open")


async def test_many_bells_do_not_flicker(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    await page.evaluate(
        "(window.lights = 0, new MutationObserver(all => all.forEach(one => {"
        " if (one.target.classList.contains('flash')) window.lights++ }))"
        ".observe(document.querySelector('#terminal'), { attributeFilter: ['class'] }))"
    )
    began = await page.evaluate("performance.now()")
    for number in range(12):
        host.output(f"\x07bell-{number}.\r\n")
        await shows(page, f"bell-{number}.")
        await page.evaluate("new Promise(done => setTimeout(done, 130))")
    seconds = (await page.evaluate("performance.now()") - began) / 1000
    assert 1 <= await page.evaluate("lights") <= seconds + 1


async def test_a_switch_is_seen_in_forced_colors(host: ScriptedHost, browser: Browser) -> None:
    page = await arrive(browser, host)
    forced = [{"name": "forced-colors", "value": "active"}]
    await page.call("Emulation.setEmulatedMedia", features=forced)
    await page.click("#menu")
    await page.click("#settings")
    style = "getComputedStyle(document.querySelector('#set-blink'))"
    await page.until(f"{style}.appearance === 'auto'")


@pytest.mark.parametrize(("width", "height"), [(360, 640), (280, 500), (700, 280), (1280, 800)])
async def test_nothing_overflows(
    host: ScriptedHost, browser: Browser, width: int, height: int
) -> None:
    host.welcome |= {"role": "view", "cols": 200, "rows": 50}
    page = await arrive(browser, host, width=width, height=height)
    host.people(
        *(person(f"p{n}", "Somebody with a long name " * 2, typing=True) for n in range(2, 9))
    )
    host.say("recording", on=True, since=1_790_000_000)
    host.say("keyboard", state="taken", holder="p3")
    await page.until(f"{BUTTONS}.length")
    wide = f"document.documentElement.scrollWidth <= {width}"
    assert await page.evaluate(wide)
    inside = (
        "[...document.querySelectorAll('.bar > *, .foot > *')].filter(e => e.checkVisibility())"
        ".filter(e => !e.classList.contains('unseen'))"
        ".map(e => [e.id, e.getBoundingClientRect()])"
        f".filter(([_, r]) => r.left < 0 || r.right > {width}).map(([id]) => id)"
    )
    assert await page.evaluate(inside) == []
    await page.click("#menu")
    assert await page.evaluate(wide)
