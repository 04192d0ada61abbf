/**
 * When xterm.js draws: not in the middle of synchronized output (mode 2026), nor twice.
 *
 * Owns what xterm.js 6.0 does too often. A screen of many lines that is drawn anew took most of its
 * time for that, and could be seen half done.
 */

/** @typedef {import("@xterm/xterm").Terminal} Terminal */

/**
 * xterm.js draws the selection, and all rows with it, in every frame in which lines have scrolled:
 * where nothing is selected too, and in synchronized output. Call it when the terminal is shown.
 *
 * @param {Terminal} terminal
 */
export function calmSelection(terminal) {
  const core = /** @type {any} */ (terminal)._core;
  const service = core._renderService;
  const draw = service.handleSelectionChanged.bind(service);
  let drawn = false;
  service.handleSelectionChanged = (
    /** @type {[number, number] | undefined} */ start,
    /** @type {[number, number] | undefined} */ end,
    /** @type {boolean} */ columnSelectMode,
  ) => {
    const some = !!start && !!end;
    const { ydisp, ybase } = core.buffer;
    // For those who look back, nothing else draws lines that move as the oldest ones go.
    if (!some && !drawn && ydisp === ybase) return;
    drawn = some;
    if (!core.coreService.decPrivateModes.synchronizedOutput) return draw(start, end, columnSelectMode);
    Object.assign(service._selectionState, { start, end, columnSelectMode });
    service._needsSelectionRefresh = true; // with the rows, when they are drawn
  };
}

/**
 * Leave the scroll bar as it is while a screen is drawn as synchronized output: xterm.js changes it
 * with every line.
 *
 * @param {Terminal} terminal
 * @returns {() => void} ends that, and makes it right
 */
export function holdScrollBar(terminal) {
  const core = /** @type {any} */ (terminal)._core;
  const viewport = core._viewport;
  const { _sync: sync } = viewport;
  viewport._sync = (/** @type {number | undefined} */ line) => {
    if (!core.coreService.decPrivateModes.synchronizedOutput) sync.call(viewport, line);
  };
  // xterm.js waits only so long for the end of such output.
  const rendered = terminal.onRender(() => viewport._sync());
  return () => {
    rendered.dispose();
    viewport._sync = sync;
    viewport._sync();
  };
}
