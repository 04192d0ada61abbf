"""A real browser's WebRTC against our agent, mDNS candidates and all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.browser import Browser
    from tests.e2e.plain_guest import PlainRelay

OFFER = """
(async () => {
  window.pc = new RTCPeerConnection();
  window.channel = pc.createDataChannel("terminal");
  window.messages = []; window.text = "";
  channel.onmessage = e => {
    const m = JSON.parse(e.data);
    messages.push(m);
    if (m.type === "output") text += m.data;
  };
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(done => {
    if (pc.iceGatheringState === "complete") done();
    pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done();
  });
  return pc.localDescription.sdp;
})()
"""
UNTIL = """
new Promise((done, fail) => {
  const end = Date.now() + 20000;
  const look = () => (%s) ? done(true)
    : Date.now() > end ? fail(new Error("not in time: " + JSON.stringify(messages.slice(-5))))
    : setTimeout(look, 10);
  look();
})
"""


@pytest.mark.chromium
async def test_chromium_opens_types_resizes_and_leaves(
    relay: PlainRelay, shared_container: str, browser: Browser
) -> None:
    page = await browser.open("about:blank")
    sdp = await page.evaluate(OFFER)
    assert ".local " in sdp, "Chromium hides its addresses behind mDNS names"
    offer = {
        "session_id": "c-1",
        "device_id": shared_container,
        "sdp": sdp,
        "sdp_type": "offer",
    }
    reply = await relay.call("webrtc:offer", offer)
    assert reply["status"] == "success", reply
    answer = json.dumps({"type": "answer", "sdp": reply["sdp"]})
    await page.evaluate(f"pc.setRemoteDescription({answer}).then(() => true)")
    await page.evaluate(UNTIL % "messages.some(m => m.type === 'pty_connected')")
    await page.evaluate("channel.send(JSON.stringify({type:'resize',cols:99,rows:31}))")
    typed = {"type": "input", "data": "stty size; echo hé$((6*7))\n"}
    await page.evaluate(f"channel.send(JSON.stringify({json.dumps(typed)}))")
    await page.evaluate(UNTIL % "text.includes('31 99') && text.includes('hé42')")
    await page.evaluate("channel.send(JSON.stringify({type:'input',data:'exit 3\\n'}))")
    ended = "messages.some(m => m.type === 'pty_disconnected' && m.exit_code === 3)"
    await page.evaluate(UNTIL % ended)
    await page.evaluate("pc.close()")
