import type { IncomingHttpHeaders } from "node:http";
import type { Engine } from "./engine.ts";
import { badRequest } from "./errors.ts";
import type { Pulled } from "./transfer.ts";

const HEADER = "x-data-parallel-rank";
/** What Python's `int` takes. */
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

/** The data-parallel ranks of an instance: an engine each, behind one port. */
export class Ranks {
  readonly engines: readonly [Engine, ...Engine[]];

  constructor(engines: readonly [Engine, ...Engine[]]) {
    this.engines = engines;
  }

  /**
   * The rank that a request is for: that of its header, which counts only where it is a number, else the one with the least
   * to do, as vLLM weighs it. Throws ApiError for one that there is not.
   */
  of(headers: IncomingHttpHeaders): Engine {
    const { engines } = this;
    const wanted = `${headers[HEADER] ?? ""}`;
    if (INTEGER.test(wanted)) {
      const rank = Number(wanted.replaceAll("_", ""));
      const engine = engines[rank];
      if (engine === undefined)
        throw badRequest(`data_parallel_rank ${rank} is out of range [0, ${engines.length}).`);
      return engine;
    }
    const load = ({ gauges: { running, waiting } }: Engine) => 4 * waiting + running;
    return engines.reduce((least, engine) => (load(engine) < load(least) ? engine : least));
  }

  /** Has that rank hand a KV cache over which has it. */
  handOver(pullBody: string): Pulled {
    let pulled = this.engines[0].handOver(pullBody);
    for (const engine of this.engines.slice(1)) {
      if (pulled.failure === undefined || pulled.foreign) break;
      pulled = engine.handOver(pullBody);
    }
    return pulled;
  }

  /** Tells the ranks of a KV cache that has been pushed: the one that waits for it takes it. */
  arrived(pushBody: string): void {
    for (const { layerwise } of this.engines) layerwise.arrived(pushBody);
  }

  get isDead(): boolean {
    return this.engines.some((engine) => engine.isDead);
  }
}
