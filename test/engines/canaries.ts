import { setTimeout as sleep } from "node:timers/promises";
import { ids } from "./cases.ts";
import { ask, type Proof, type Rig } from "./proving.ts";
import { freePort, startScheduler } from "./rig.ts";

const STREAMS = 32;
const SECONDS = 20;

/**
 * A scheduler with canaries finds nothing wrong with a pair that works, whether it is idle or computes for others in the same
 * batches: real engines' arithmetic differs with these.
 */
export async function canariesPass(rig: Rig, checkout: string): Promise<Proof> {
  const metricsPort = await freePort();
  const scheduler = await startScheduler(checkout, rig, rig.place.logs, [
    "--canary-interval=0.5",
    `--metrics-port=${metricsPort}`,
  ]);
  try {
    await sleep((SECONDS * 1000) / 4);
    const until = performance.now() + SECONDS * 1000;
    const statuses = await Promise.all(
      Array.from({ length: STREAMS }, async (_, stream) => {
        const seen: number[] = [];
        for (let index = 0; performance.now() < until; index++) {
          const prompt = ids(`beside canaries ${stream} ${index}`, 40 + 7 * stream);
          seen.push(await ask({ ...rig, scheduler }, { prompt, max_tokens: 16 + stream }));
        }
        return seen;
      }),
    );
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const count = (outcome: string) =>
      Number(
        new RegExp(`^ascend_pd_instance_canaries_total\\{[^}]*outcome="${outcome}"\\} (\\d+)`, "m").exec(
          text,
        )?.[1] ?? 0,
      );
    const all = statuses.flat();
    const figures = {
      requests: all.length,
      refused: all.filter((status) => status !== 200).length,
      passed: count("passed"),
      failed: count("failed"),
      unknown: count("unknown"),
    };
    const wrong = [
      ...(figures.refused > 0 ? [`${figures.refused} requests were refused`] : []),
      ...(figures.failed > 0 ? [`${figures.failed} canaries of a pair that works have failed`] : []),
      ...(figures.passed < 10 ? [`only ${figures.passed} canaries have passed`] : []),
    ];
    return { figures, wrong };
  } finally {
    await scheduler.stop();
  }
}
