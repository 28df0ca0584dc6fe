import { UserError } from "../user-error.ts";

/** The longest that a request may take to count for goodput, in milliseconds. */
export interface Slo {
  readonly ttft?: number;
  readonly tpot?: number;
  readonly e2el?: number;
}

const UNITS = { ms: 1, s: 1000, m: 60_000 } as const;

/** `ttft=2s,tpot=50ms`. Throws UserError. */
export function readSlo(text: string): Slo {
  const slo: Record<string, number> = {};
  for (const part of text.split(",")) {
    const found = /^\s*(ttft|tpot|e2el)\s*=\s*(\d+(?:\.\d+)?)(ms|s|m)\s*$/.exec(part);
    const [, name = "", number, unit] = found ?? [];
    if (found === null || name in slo || Number(number) === 0) {
      throw new UserError(
        `--slo ${text}: "${part.trim()}" is no limit\nfix: ttft, tpot or e2el, each once, with a unit: ttft=2s,tpot=50ms`,
      );
    }
    slo[name] = Number(number) * UNITS[unit as keyof typeof UNITS];
  }
  return slo;
}

interface Times {
  readonly ttft: number;
  /** Of an answer of one token there is none. */
  readonly tpot: number | undefined;
  readonly e2el: number;
}

export function keeps(slo: Slo, { ttft, tpot = 0, e2el }: Times): boolean {
  const { ttft: first = ttft, tpot: each = tpot, e2el: all = e2el } = slo;
  return ttft <= first && tpot <= each && e2el <= all;
}
