/**
 * A terminal that answers nothing: the host answers what programs ask, once for all who look.
 *
 * Owns which sequences are questions. They are swallowed where they are parsed, so nothing that
 * a person types is ever examined. `bounds.js` limits the rest.
 */

/** @typedef {import("@xterm/xterm").Terminal} Terminal */

/**
 * Questions of ECMA-48, DEC and xterm that are CSI sequences. Not all of them are answered by
 * this xterm.js; another one may.
 *
 * @type {import("@xterm/xterm").IFunctionIdentifier[]}
 */
const QUESTIONS = [
  { final: "c" }, // DA1
  { prefix: ">", final: "c" }, // DA2
  { prefix: "=", final: "c" }, // DA3
  { final: "n" }, // DSR
  { prefix: "?", final: "n" },
  { final: "x" }, // DECREQTPARM
  { intermediates: "$", final: "p" }, // DECRQM
  { prefix: "?", intermediates: "$", final: "p" },
  { intermediates: "$", final: "w" }, // DECRQPSR
  { intermediates: "*", final: "y" }, // DECRQCRA
  { prefix: ">", final: "q" }, // XTVERSION
  { prefix: "?", final: "u" }, // kitty's keyboard flags
  { prefix: "?", final: "S" }, // XTSMGRAPHICS
];
/** Operations of `CSI t` that ask for a size, a place or a title. */
const REPORTS = new Set([11, 13, 14, 15, 16, 18, 19, 20, 21]);

/**
 * @param {Terminal} terminal
 * @param {() => boolean} muted asked at every question: true swallows it
 */
export function mute(terminal, muted) {
  const { parser } = terminal;
  for (const id of QUESTIONS) parser.registerCsiHandler(id, muted);
  parser.registerCsiHandler({ final: "t" }, ([operation]) => muted() && REPORTS.has(Number(operation)));
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, muted); // DECRQSS
  parser.registerDcsHandler({ intermediates: "+", final: "q" }, muted); // XTGETTCAP
  parser.registerEscHandler({ final: "Z" }, muted); // DECID
  muteColors(terminal, muted);
}

/**
 * One OSC may ask for some colors and set others: only the questions are left out.
 *
 * @param {Terminal} terminal
 * @param {() => boolean} muted
 */
function muteColors(terminal, muted) {
  const handler = /** @type {any} */ (terminal)._core._inputHandler;
  const asks = (/** @type {string} */ data) => muted() && data.split(";").includes("?");
  terminal.parser.registerOscHandler(4, (data) => {
    if (!asks(data)) return false;
    const parts = data.split(";");
    const set = parts.filter((_, at) => parts[at | 1] !== "?");
    if (set.length) handler.setOrReportIndexedColor(set.join(";"));
    return true;
  });
  const setters = ["setOrReportFgColor", "setOrReportBgColor", "setOrReportCursorColor"];
  setters.forEach((setter, index) =>
    terminal.parser.registerOscHandler(10 + index, (data) => {
      if (!asks(data)) return false;
      // An empty specification changes nothing and keeps the places of those after it.
      handler[setter](data.split(";").map((part) => (part === "?" ? "" : part)).join(";"));
      return true;
    }),
  );
}
