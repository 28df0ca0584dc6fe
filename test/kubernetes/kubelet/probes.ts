import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, Probe } from "./pod-spec.ts";

/** What a kubelet's questions tell: the container has started, is ready, or is to be killed. */
export interface Told {
  started(): void;
  ready(isReady: boolean): void;
  dead(): void;
}

/** Asks as a kubelet does, ten times as often: what a test waits for are its own waits. Ends with `signal`. */
export async function askProbes(
  { startupProbe, readinessProbe, livenessProbe, ports }: Container,
  address: string,
  told: Told,
  signal: AbortSignal,
): Promise<void> {
  const ask = (probe: Probe) => answers(probe, address, ports, signal);
  const pause = ({ periodSeconds = 10 }: Probe) => sleep(periodSeconds * 100, undefined, { signal });
  try {
    if (startupProbe !== undefined) {
      // The time that it gives is on the wall, and of real seconds.
      const deadline =
        Date.now() + (startupProbe.periodSeconds ?? 10) * (startupProbe.failureThreshold ?? 3) * 1000;
      while (!(await ask(startupProbe))) {
        if (Date.now() > deadline) return told.dead();
        await pause(startupProbe);
      }
    }
    told.started();
    if (readinessProbe === undefined) told.ready(true);
    await Promise.all([
      readinessProbe &&
        untilEnd(readinessProbe, (failures, limit) => {
          if (failures === 0) told.ready(true);
          else if (failures >= limit) told.ready(false);
        }),
      livenessProbe &&
        untilEnd(livenessProbe, (failures, limit) => {
          // Real ones wait ten times as long.
          if (failures >= 10 * limit) told.dead();
        }),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  }

  async function untilEnd(probe: Probe, tell: (failures: number, limit: number) => void): Promise<void> {
    for (let failures = 0; !signal.aborted; await pause(probe)) {
      failures = (await ask(probe)) ? 0 : failures + 1;
      tell(failures, probe.failureThreshold ?? 3);
    }
  }
}

function answers(
  { httpGet, timeoutSeconds = 1 }: Probe,
  host: string,
  ports: Container["ports"],
  signal: AbortSignal,
): Promise<boolean> {
  const named = ports?.find(({ name }) => name === httpGet.port)?.containerPort;
  const port = named ?? Number(httpGet.port);
  return new Promise((resolve) => {
    const asked = get({
      host,
      port,
      path: httpGet.path,
      agent: false,
      signal,
      timeout: timeoutSeconds * 10_000,
    });
    asked.on("response", (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
  });
}
