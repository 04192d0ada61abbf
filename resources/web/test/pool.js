/** To be imported first: in Node the add-on for graphemes reads its tables from the start of the
 * pool that small buffers share, and knows nothing beyond U+FFFF. Without a pool it is right. */

Buffer.poolSize = 0;
