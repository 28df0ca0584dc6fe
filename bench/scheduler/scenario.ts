import type { Engines } from "./engines.ts";
import type { Load } from "./load.ts";
import type { Router } from "./routers.ts";

/** A number that a scenario gives, and what it has to be at most. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly bar?: number;
  /** At most this part of vllm-router's. */
  readonly ofVllmRouter?: number;
  /** At most so many times nginx's, which does one hop where others do two. */
  readonly ofNginx?: number;
}

export interface Setup {
  readonly router: Router;
  readonly engines: Engines;
  readonly load: Load;
  /** 1, or less for a shorter run. */
  readonly scale: number;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** One run is enough: it is about memory, not time. */
  readonly once?: true;
  readonly figures: readonly Figure[];
  run(setup: Setup): Promise<Readonly<Record<string, number>>>;
}
