/** Links and proofs, from the vectors the agent is held to as well. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as link from "../src/link.js";
import { vectors } from "./vectors.js";

const {
  proofs, codes, links, changed_links, bad_links, return_links, bad_return_links, fingerprints, answers,
  relay_access,
} = vectors("links");

for (const one of proofs)
  test(`the proofs of session ${one.session_id}`, () => {
    const secret = link.hexToBytes(one.secret_hex);
    const { session_id, guest_fingerprint: guest, agent_fingerprint: agent, nonce } = one;
    const message = link.message("offer", session_id, guest, nonce);
    assert.equal(link.bytesToHex(message), one.offer_message_hex);
    assert.equal(link.offerProof(secret, session_id, guest, nonce), one.offer);
    assert.equal(link.answerProof(secret, session_id, agent, guest, nonce), one.answer);
    assert.equal(link.shortCode(secret, session_id, agent, guest), one.code);
  });

for (const one of codes)
  test(`the short code of session ${one.session_id} without a link`, () => {
    const { session_id, agent_fingerprint: agent, guest_fingerprint: guest } = one;
    const { guest_nonce: ours, agent_nonce: theirs } = one;
    assert.equal(link.commitment(ours), one.commit);
    assert.equal(link.committedCode(session_id, agent, guest, ours, theirs), one.code);
    assert.ok(link.isNonce(theirs) && !link.isNonce(`${theirs}0`) && !link.isNonce(undefined));
  });

for (const one of relay_access)
  test(`the proof to a relay for nonce ${one.nonce}`, () => {
    const access = link.relayAccess(link.hexToBytes(one.secret_hex));
    assert.equal(link.bytesToHex(link.message("relay access", one.nonce)), one.proof_message_hex);
    assert.equal(access, one.access);
    assert.equal(link.accessProof(access, one.nonce), one.proof);
  });

for (const { url, base, id, secret_hex, token } of return_links)
  test(`reads and writes the return link ${url}`, () => {
    const parsed = link.parseLink(url);
    assert.ok(parsed);
    const { secret, ...rest } = parsed;
    assert.deepEqual({ ...rest, secret: link.bytesToHex(secret) }, { base, id, secret: secret_hex, token });
    assert.equal(link.returnAddress(parsed, token), url);
    // The address without its token is the link.
    assert.equal(link.parseLink(url.replace(/\.[^.]*$/, ""))?.token, undefined);
  });

for (const url of bad_return_links)
  test(`opens nothing by ${url}`, () => {
    assert.throws(() => link.parseLink(url), link.LinkError);
  });

for (const { url, base, id, secret_hex } of links)
  test(`reads ${url}`, () => {
    const parsed = link.parseLink(url);
    assert.ok(parsed);
    assert.equal(parsed.base, base);
    assert.equal(parsed.id, id);
    assert.equal(link.bytesToHex(parsed.secret), secret_hex);
  });

for (const { url, base, id, secret_hex, token } of changed_links)
  test(`reads ${JSON.stringify(url)} as its host wrote it`, () => {
    const parsed = link.parseLink(url);
    assert.ok(parsed);
    assert.deepEqual([parsed.base, parsed.id, parsed.token], [base, id, token]);
    assert.equal(link.bytesToHex(parsed.secret), secret_hex);
    assert.equal(link.linkAddress(parsed), links[0].url);
    assert.equal(!!parsed.exposed, url.includes("%23"));
  });

test("says which part is missing or damaged", () => {
  const { url } = links[0];
  const [address, secret] = url.split("#");
  const said = (/** @type {string} */ text) => {
    try {
      link.parseLink(text);
    } catch (error) {
      return /** @type {Error} */ (error).message;
    }
    return "";
  };
  assert.match(said(address), /behind the # was cut off/);
  assert.match(said(`${url}x`), /behind the # is damaged/);
  assert.match(said(`${address}x#${secret}`), /its address was lost or changed/);
});

for (const url of bad_links)
  test(`does not take ${url || "nothing"} for a link`, () => {
    let parsed = null;
    try {
      parsed = link.parseLink(url);
    } catch (error) {
      assert.ok(error instanceof link.LinkError);
    }
    assert.equal(parsed, null);
  });

for (const { sdp, fingerprint, error } of fingerprints)
  test(`the fingerprint of ${JSON.stringify(sdp.slice(0, 60))}`, () => {
    if (error) assert.throws(() => link.fingerprint(sdp), link.LinkError);
    else assert.equal(link.fingerprint(sdp), fingerprint);
  });

for (const { why, proof, accepted } of answers.cases)
  test(`an answer's proof that is ${why}`, () => {
    const one = proofs[answers.of];
    const expected = link.answerProof(
      link.hexToBytes(one.secret_hex), one.session_id, one.agent_fingerprint,
      one.guest_fingerprint, one.nonce,
    );
    assert.equal(link.genuine(expected, proof), accepted);
  });
