/**
 * Messages of the `terminal` data channel, as the guest sends and reads them.
 *
 * Owns both dialects' text form: plain JSON, and hatchway.v1, in which terminal
 * bytes are binary messages of their own. Does not own when anything is sent.
 * tests/vectors/terminal.json holds this file and the agent's to the same words.
 */

export const LABEL = "terminal";
export const V1 = "hatchway.v1";
/** Bytes in one hatchway.v1 message, either way. */
export const MAX_MESSAGE = 16 * 1024;
/** hatchway.v1: bytes that may be sent and not acknowledged, either way. */
export const WINDOW = 256 * 1024;
/** Bytes between two acknowledgements; less where the window is small. */
export const ACK_EVERY = 16 * 1024;
/**
 * What this page knows beyond the first hatchway.v1. `mute` is not a message: a terminal that
 * answers no questions, because the host does.
 */
export const CAPABILITIES = [
  "snapshot", "size", "people", "keyboard", "recording", "idle", "history", "mute", "reveal",
];
/** What programs may ask of this page's terminal beyond the usual. */
export const FEATURES = ["sync", "graphemes", "osc52"];
const MAX_PEOPLE = 128;
/** Lines of history that may be asked for at once. */
const MAX_HISTORY = 100_000;
/** Bounds of columns and rows. */
export const MIN_CELLS = 1;
export const MAX_CELLS = 1000;

/**
 * @typedef {{type: "ready"} | {type: "ping"} | {type: "pong"}
 *   | {type: "pty_connected", container: string}
 *   | {type: "output", data: string}
 *   | {type: "pty_disconnected", exit_code: number | null, reason: string}
 *   | {type: "error", message: string, code: string}
 *   | {type: "welcome", session_id: string, target: string, role: Role, resume: string,
 *      window: number, start: number, resumed: boolean, taken: number,
 *      capabilities: string[], shell: string, participant: string, cols: number | null,
 *      rows: number | null, typed: boolean}
 *   | {type: "exit", exit_code: number | null, reason: string, code: string}
 *   | {type: "idle", seconds: number | null}
 *   | {type: "role", role: Role}
 *   | {type: "approval", state: "waiting" | "allowed" | "denied"}
 *   | {type: "snapshot", at: number, cols: number, rows: number, bytes: number,
 *      left_out: number}
 *   | {type: "size", cols: number, rows: number, by: string}
 *   | {type: "people", people: Person[]}
 *   | ({type: "keyboard"} & Keyboard)
 *   | {type: "recording", on: boolean, since: number | null}
 *   | {type: "ice_offer", sdp: string} | {type: "ice_answer", sdp: string}
 *   | {type: "notice", text: string, level: string}
 *   | {type: "stats", bytes_in: number, bytes_out: number, rtt_ms: number | null}
 *   | {type: "ack", bytes: number}} AgentMessage
 * @typedef {"control" | "view"} Role
 *
 * @typedef {object} Person
 * @property {string} id of a participant
 * @property {string} name
 * @property {Role} role
 * @property {string} kind guest, host, tty, or one of a later version
 * @property {boolean} typing
 *
 * @typedef {object} Keyboard
 * @property {"open" | "taken" | "frozen"} state
 * @property {string} holder a participant's id; empty where nobody has it alone
 * @property {"" | "waiting" | "denied"} asked what became of our own asking
 * @property {number} again_in seconds until it may be asked for again
 *
 * @typedef {object} Greeting what a guest says of itself
 * @property {string} [name] for the host and the other guests
 * @property {string} [guest] 32 hex digits, the same at every visit to this host
 * @property {Theme} [theme]
 * @property {string[]} [features]
 * @property {string} [shell] to which `received` belongs
 *
 * @typedef {object} Theme colors as `#rrggbb`
 * @property {string} foreground @property {string} background @property {string} cursor
 * @property {string[]} palette sixteen
 */

/** A message of the other side that cannot be used; `message` says which field. */
export class WireError extends Error {}

/** @typedef {(value: unknown, name: string) => any} Reader */

/** @type {(expected: string, test: (value: any) => boolean) => Reader} */
const reader = (expected, test) => (value, name) => {
  if (!test(value)) throw new WireError(`Field '${name}' is not ${expected}`);
  return value;
};
const text = reader("text", (value) => typeof value === "string");
const flag = reader("true or false", (value) => typeof value === "boolean");
const count = reader("a count", (value) => Number.isSafeInteger(value) && value >= 0);
const number = reader("a number", (value) => Number.isFinite(value));
const duration = reader("a duration", (value) => Number.isFinite(value) && value >= 0);
const size = reader(
  `a size of ${MIN_CELLS} to ${MAX_CELLS}`,
  (value) => Number.isInteger(value) && value >= MIN_CELLS && value <= MAX_CELLS,
);
const integer = reader("a whole number", (value) => Number.isSafeInteger(value));
const texts = reader(
  "a list of texts",
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
);
/** @type {(...words: string[]) => Reader} */
const oneOf = (...words) => reader(words.join(" or "), (value) => words.includes(value));
/**
 * One that is missing or does not fit counts as absent: agents of another make fill it their way.
 *
 * @type {(read: Reader, otherwise: unknown) => Reader}
 */
const optional = (read, otherwise) => (value, name) => {
  try {
    return read(value, name);
  } catch {
    return otherwise;
  }
};
/** @type {(read: Reader) => Reader} */
const nullable = (read) => (value, name) => (value === null ? null : read(value, name));
const role = oneOf("control", "view");
/** @type {(fields: Record<string, Reader>) => Reader} */
const record = (fields) => (value, name) => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new WireError(`Field '${name}' is not an object`);
  return Object.fromEntries(
    Object.entries(fields).map(([field, read]) => [
      field,
      read(/** @type {any} */ (value)[field], field),
    ]),
  );
};
/** @type {(read: Reader, most: number) => Reader} */
const listOf = (read, most) => (value, name) => {
  if (!Array.isArray(value) || value.length > most)
    throw new WireError(`Field '${name}' is not a list of at most ${most}`);
  return value.map((one) => read(one, name));
};
const person = record({
  id: text,
  name: text,
  role,
  kind: text,
  typing: optional(flag, false),
});
const ending = { exit_code: optional(integer, null), reason: optional(text, "") };

/** Every message an agent may send, by type: its fields and how each is read. */
/** @type {Record<string, Record<string, Reader>>} */
const AGENT_MESSAGES = {
  ready: {},
  ping: {},
  pong: {},
  pty_connected: { container: text },
  output: { data: text },
  pty_disconnected: ending,
  error: { message: text, code: optional(text, "") },
  welcome: {
    session_id: text,
    target: text,
    role,
    resume: text,
    window: count,
    start: optional(count, 0),
    resumed: optional(flag, false),
    taken: optional(count, 0),
    capabilities: optional(texts, []),
    shell: optional(text, ""),
    participant: optional(text, ""),
    cols: optional(size, null),
    rows: optional(size, null),
    typed: optional(flag, false),
  },
  exit: { ...ending, code: optional(text, "") },
  idle: { seconds: nullable(duration) },
  role: { role },
  approval: { state: oneOf("waiting", "allowed", "denied") },
  snapshot: { at: count, cols: size, rows: size, bytes: count, left_out: optional(count, 0) },
  size: { cols: size, rows: size, by: optional(text, "") },
  people: { people: listOf(person, MAX_PEOPLE) },
  keyboard: {
    state: oneOf("open", "taken", "frozen"),
    holder: optional(text, ""),
    asked: optional(oneOf("", "waiting", "denied"), ""),
    again_in: optional(duration, 0),
  },
  recording: { on: flag, since: optional(duration, null) },
  ice_offer: { sdp: text },
  ice_answer: { sdp: text },
  notice: { text, level: optional(text, "info") },
  stats: { bytes_in: count, bytes_out: count, rtt_ms: optional(number, null) },
  ack: { bytes: count },
};

/**
 * An agent's text message; null for a type this page does not know, which is no fault.
 *
 * @param {string} message
 * @returns {AgentMessage | null} defaults filled in, unknown fields left out
 * @throws {WireError}
 */
export function decode(message) {
  let fields;
  try {
    fields = JSON.parse(message);
  } catch {
    throw new WireError("The message is not valid JSON");
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    throw new WireError("The message is not a JSON object");
  const type = text(fields.type, "type");
  if (!Object.hasOwn(AGENT_MESSAGES, type)) return null;
  /** @type {Record<string, unknown>} */
  const decoded = { type };
  for (const [name, read] of Object.entries(AGENT_MESSAGES[type]))
    decoded[name] = read(fields[name], name);
  return /** @type {AgentMessage} */ (decoded);
}

/** @param {number} cells */
const cells = (cells) => Math.min(MAX_CELLS, Math.max(MIN_CELLS, Math.floor(cells) || MIN_CELLS));

/** What a guest may say, as text ready to be sent. */
export const encode = {
  /** @param {string} data */
  input: (data) => JSON.stringify({ type: "input", data }),
  /** @param {number} cols @param {number} rows */
  resize: (cols, rows) => JSON.stringify({ type: "resize", cols: cells(cols), rows: cells(rows) }),
  ping: () => '{"type":"ping"}',
  pong: () => '{"type":"pong"}',
  close: () => '{"type":"close"}',
  /** @param {string} container @param {number} cols @param {number} rows */
  connect_pty: (container, cols, rows) =>
    JSON.stringify({ container, cols: cells(cols), rows: cells(rows), type: "connect_pty" }),
  /**
   * @param {number} cols @param {number} rows @param {number} received @param {string[]} [caps]
   * @param {Greeting} [more]
   */
  hello: (cols, rows, received, caps, more) =>
    JSON.stringify({ type: "hello", cols: cells(cols), rows: cells(rows), received, caps, ...more }),
  keep: () => '{"type":"keep"}',
  /** @param {boolean} on */
  ask_keyboard: (on) => JSON.stringify({ type: "ask_keyboard", on }),
  /** @param {number} before @param {number} lines */
  history: (before, lines) =>
    JSON.stringify({ type: "history", before, lines: Math.max(1, Math.min(MAX_HISTORY, lines)) }),
  /** @param {string} nonce */
  reveal: (nonce) => JSON.stringify({ type: "reveal", nonce }),
  /** @param {string} sdp */
  ice_offer: (sdp) => JSON.stringify({ type: "ice_offer", sdp }),
  /** @param {string} sdp */
  ice_answer: (sdp) => JSON.stringify({ type: "ice_answer", sdp }),
  /** @param {number} bytes */
  ack: (bytes) => JSON.stringify({ type: "ack", bytes }),
};
