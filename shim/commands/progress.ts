/** How far a long command has come, on a terminal. */
import yoctoSpinner from 'yocto-spinner';

/** ms: what is over sooner shows nothing. */
const DELAY_MS = 1_000;

export interface Progress {
  readonly tell: (text: string) => void;
  readonly end: () => void;
}

/** On standard error, so that the output stays clean; without a terminal there, nothing is shown. */
export function progress(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { tell: () => undefined, end: () => undefined };
  const spinner = yoctoSpinner({ stream });
  const timer = setTimeout(() => spinner.start(), DELAY_MS);
  return {
    tell: (text) => {
      spinner.text = text;
    },
    end: () => {
      clearTimeout(timer);
      spinner.stop();
    },
  };
}
