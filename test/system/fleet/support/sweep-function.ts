/** The sweep function as a separate process, which receives EventBridge's events as messages, one at a time. */
import { handler } from '../../../../functions/sweep.ts';

/** ms, the longest timeout that Lambda may give it. */
const TIME = 60_000;

process.on('message', (event) => {
  void handler(event, { getRemainingTimeInMillis: () => TIME }).then(() => process.send?.('done'));
});
