/**
 * What of a text is an address. It ends before what belongs to the sentence around it: full stops,
 * a closing bracket that was not opened in it, the punctuation of East Asian texts.
 */

const APART = "\\s\"'`<>{}|\\\\^()“”‘’«»‹›\\u3001-\\u3003\\u3008-\\u301f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65│┃";
const INSIDE = `[^${APART}]`;
const BRACKETS = `\\(${INSIDE}*\\)`;
const LAST = `[^${APART}:,.!?;~\\[\\]*…]`;

export const ADDRESS = new RegExp(`https?://(?:${INSIDE}|${BRACKETS})*(?:${LAST}|${BRACKETS})`, "i");
