/**
 * One peer connection with its one data channel: made, used, thrown away.
 *
 * Owns WebRTC. Does not own what the messages mean or what follows a loss: a
 * session makes another peer for every attempt.
 */

import { Refusal } from "./signaling.js";
import { LABEL } from "./wire.js";

/** Bytes the browser may hold before more is sent. */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 64 * 1024;
const MAX_EARLY = 100;

/**
 * @typedef {object} PeerHandlers
 * @property {() => void} open the channel can be used
 * @property {(text: string) => void} text
 * @property {(bytes: Uint8Array) => void} bytes
 * @property {() => void} drained there is room to send again
 * @property {(reason: string) => void} lost once, unless close() came first
 * @property {(candidate: RTCIceCandidate | null) => void} candidate null: no more will come
 *
 * @typedef {"" | "direct" | "relayed"} Path
 */

export class Peer {
  /**
   * @param {RTCConfiguration} configuration
   * @param {string} protocol
   * @param {PeerHandlers} handlers
   */
  constructor(configuration, protocol, handlers) {
    this.#handlers = handlers;
    const pc = (this.#pc = connection(configuration));
    const channel = (this.#channel = pc.createDataChannel(LABEL, { ordered: true, protocol }));
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = LOW_WATER;
    channel.onopen = () => this.#closed || handlers.open();
    channel.onmessage = ({ data }) => {
      if (this.#closed) return;
      if (typeof data === "string") handlers.text(data);
      else handlers.bytes(new Uint8Array(data));
    };
    channel.onbufferedamountlow = () => this.#closed || handlers.drained();
    channel.onclose = () => this.#lose("The connection was closed");
    pc.onicecandidate = ({ candidate }) => {
      if (!this.#closed) handlers.candidate(candidate?.candidate ? candidate : null);
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "failed")
        this.#lose(
          this.#channel.readyState === "connecting"
            ? "No path to the other side was found"
            : "The network connection was lost",
        );
    };
  }

  #pc;
  #channel;
  #handlers;
  #closed = false;
  /** Candidates that overtook the answer. */
  /** @type {import("./signaling.js").Candidate[] | null} */
  #early = [];

  get open() {
    return this.#channel.readyState === "open";
  }

  get congested() {
    return this.#channel.bufferedAmount > HIGH_WATER;
  }

  /** @returns {Promise<string>} our description, at once: candidates follow as they come */
  async offer() {
    await this.#pc.setLocalDescription();
    return this.#pc.localDescription?.sdp ?? "";
  }

  /** @param {string} sdp */
  async accept(sdp) {
    if (this.#closed) return;
    await this.#pc.setRemoteDescription({ type: "answer", sdp });
    const early = this.#early ?? [];
    this.#early = null;
    for (const message of early) await this.add(message);
  }

  /** @param {import("./signaling.js").Candidate} message */
  async add(message) {
    if (this.#closed) return;
    if (this.#early) {
      if (this.#early.length < MAX_EARLY) this.#early.push(message);
      return;
    }
    try {
      await this.#pc.addIceCandidate({
        candidate: message.candidate ?? "",
        sdpMid: message.sdp_mid,
        sdpMLineIndex: message.sdp_mline_index ?? (message.sdp_mid ? null : 0),
      });
    } catch (problem) {
      // One that cannot be read costs only itself.
      console.info("A candidate of the host cannot be used:", message.candidate, problem);
    }
  }

  /** @param {string | Uint8Array} data @returns {boolean} false when it cannot be sent */
  send(data) {
    if (!this.open) return false;
    try {
      this.#channel.send(/** @type {any} */ (data));
    } catch {
      return false; // it is closing under us; `lost` follows
    }
    return true;
  }

  /** @returns {Promise<Path>} how the packets travel */
  async path() {
    if (this.#closed) return "";
    const report = await this.#pc.getStats();
    const stats = /** @type {any[]} */ ([...report.values()]);
    const transport = stats.find((one) => one.type === "transport" && one.selectedCandidatePairId);
    const pair =
      report.get(transport?.selectedCandidatePairId ?? "") ??
      stats.find((one) => one.type === "candidate-pair" && one.nominated);
    if (!pair) return "";
    const ends = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)];
    return ends.some((end) => end?.candidateType === "relay") ? "relayed" : "direct";
  }

  close() {
    this.#closed = true;
    this.#pc.close();
  }

  /** @param {string} reason */
  #lose(reason) {
    if (this.#closed) return;
    this.close();
    this.#handlers.lost(reason);
  }
}

/**
 * @param {RTCConfiguration} configuration
 * @throws {Refusal} where the browser has no WebRTC, or an extension or policy took it away
 */
function connection(configuration) {
  try {
    return new RTCPeerConnection(configuration);
  } catch (problem) {
    // Of a configuration that it cannot use the browser says what is wrong.
    if (problem instanceof DOMException) throw problem;
    throw new Refusal("Terminals come from the host to this page by WebRTC.", "no_webrtc");
  }
}
