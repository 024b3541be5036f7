/** The sweep function as a process of its own, which takes EventBridge's events as messages, one at a time. */
import { handler } from '../../../../functions/sweep.ts';

/** ms, as much as Lambda may give it. */
const TIME = 60_000;

process.on('message', (event) => {
  void handler(event, { getRemainingTimeInMillis: () => TIME }).then(() => process.send?.('done'));
});
