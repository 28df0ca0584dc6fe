import { setTimeout as sleep } from "node:timers/promises";

/** Whether `ssh` says of a connection that it was dropped: a busy sshd does that to some that come to it at once. */
export const isDropped = (words: string): boolean =>
  /(closed|reset|refused) by|broke off|Broken pipe/.test(words);

/** What `ask` gives, which is asked up to twice more while its answer is lost on the way. */
export async function again<T>(ask: () => Promise<T>, isLost: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  for (let more = 2; more > 0 && isLost(answer); more--) {
    await sleep(1000);
    answer = await ask();
  }
  return answer;
}
