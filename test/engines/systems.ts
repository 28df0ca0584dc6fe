import { resolve } from "node:path";
import { type Place, type Running, startEngine, startPair, startScheduler, stopAll } from "./rig.ts";

/** Where a prefill and a decode instance and the scheduler in front of them answer. */
export interface System extends Readonly<Record<"prefill" | "decode" | "scheduler", string>> {
  /** Names of the engines that have ended, which serve again by now. */
  mended(): Promise<string[]>;
  stop(): Promise<void>;
}

/** As processes of this machine; the scheduler is that of `checkout`, with `flags`. */
export async function startProcesses(
  place: Place,
  checkout: string,
  flags: readonly string[] = [],
): Promise<System> {
  let pair = await startPair(place);
  let scheduler = await startScheduler(resolve(checkout), pair, place.logs, flags);
  return {
    get prefill() {
      return pair.prefill.url;
    },
    get decode() {
      return pair.decode.url;
    },
    get scheduler() {
      return scheduler.url;
    },
    stop: () => stopAll([scheduler, pair.prefill, pair.decode]),
    // The scheduler starts again too: its table has the ports.
    async mended() {
      const isUp = async ({ url, hasEnded }: Running) => !hasEnded && (await isHealthy(url));
      const [isPrefillUp, isDecodeUp] = await Promise.all([isUp(pair.prefill), isUp(pair.decode)]);
      if (isPrefillUp && isDecodeUp) return [];
      await stopAll([
        scheduler,
        isPrefillUp ? undefined : pair.prefill,
        isDecodeUp ? undefined : pair.decode,
      ]);
      pair = {
        prefill: isPrefillUp ? pair.prefill : await startEngine("prefill", place),
        decode: isDecodeUp ? pair.decode : await startEngine("decode", place),
      };
      scheduler = await startScheduler(resolve(checkout), pair, place.logs, flags);
      return [...(isPrefillUp ? [] : ["prefill"]), ...(isDecodeUp ? [] : ["decode"])];
    },
  };
}

/** A worker's error ends the engine some moments later, and by then it says so. */
export function isHealthy(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}
