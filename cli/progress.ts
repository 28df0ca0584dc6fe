import { complain, rewrite } from "./print.ts";

/** What is over sooner is its own progress. */
const FIRST_MS = 2000;
const ON_TERMINAL_MS = 500;
/** Into a log, where each stays. */
const IN_LOG_MS = 10_000;

/** Says on stderr what `tell` says, for as long as `work` lasts, from two seconds on. */
export async function withProgress<T>(tell: () => string, work: () => Promise<T>): Promise<T> {
  const isTerminal = process.stderr.isTTY === true;
  let wasShown = false;
  const show = () => {
    wasShown = true;
    if (isTerminal) rewrite(tell());
    else complain(tell());
  };
  let timer = setTimeout(() => {
    show();
    timer = setInterval(show, isTerminal ? ON_TERMINAL_MS : IN_LOG_MS);
  }, FIRST_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (wasShown && isTerminal) rewrite("");
  }
}
