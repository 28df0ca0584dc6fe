import { ERRORS, type ErrorCode } from "../../scheduler/errors.ts";
import type { Cell } from "./cells.ts";
import { KINDS } from "./kinds.ts";

/** What a client gets: the whole answer, exact; an HTTP error; a stream that an error ends; nothing that it reads. */
export type Got = "exact" | number | "error event" | "nothing";

/** All that is to be seen of a cell. */
export interface Outcome {
  readonly client: Got;
  /** What the request's line in the log, and `ascend_pd_requests_total`, say of it. */
  readonly outcome: ErrorCode | "ok";
  readonly retries: number;
  /** Requests for tokens that instances of the role have seen. */
  readonly asked: { readonly prefill: number; readonly decode: number };
  /** `ascend_pd_instance_failures_total`, those over 0. */
  readonly failures: Readonly<Record<string, number>>;
  /** What became of KV caches that decode is not known to have fetched. */
  readonly kv: { readonly released: number; readonly expired: number };
  /** Where KV blocks stay taken for as long as the engine runs. */
  readonly stuck: "nowhere" | "decode";
  /** How the health of instances changed. */
  readonly health: readonly boolean[];
}

/** What has to follow from a fault. */
export function expected(cell: Cell): Outcome {
  const { fault, leg, instances } = cell;
  const { leads } = fault;
  const health = fault.health ?? [];
  const good: Outcome = {
    client: "exact",
    outcome: "ok",
    retries: 0,
    asked: { prefill: 1, decode: 1 },
    failures: {},
    kv: { released: 0, expired: 0 },
    stuck: "nowhere",
    health,
  };
  const failure = (how: "unreachable" | "failed" | "timeout", status?: number): Outcome => {
    const code = `${leg}_${how}` as const;
    return { ...failed(cell, code, status), failures: { [code]: 1 } };
  };
  switch (leads) {
    case "harmless":
      return good;
    case "absent":
      return instances === 2
        ? good
        : { ...failed(cell, `no_${leg}`), asked: { prefill: 0, decode: 0 }, stuck: "nowhere" };
    case "unreachable": {
      if (instances === 1) return failure("unreachable");
      const { asked, failures } = failure("unreachable");
      const again = { ...good.asked, [leg]: asked[leg] + 1 };
      return { ...good, retries: 1, asked: again, failures };
    }
    case "busy": {
      if (instances === 1) return failed(cell, "refused_by_engine", 503);
      // What a decode instance has refused may be used up, so prefill is asked for another.
      const isBoth = leg === "decode" && cell.kind !== "layerwise";
      const asked = isBoth ? { prefill: 2, decode: 2 } : { ...good.asked, [leg]: 2 };
      return { ...good, retries: 1, asked, kv: isBoth ? lost(cell) : good.kv };
    }
    case "broken":
      return failure("failed");
    case "silent":
      return failure("timeout");
    case "kv-lost":
      return transferFailed(cell, good);
    case "client-left":
      return { ...failed(cell, "client_left"), client: "nothing" };
    case "client-stalled":
      return { ...failed(cell, "client_stalled"), client: "nothing" };
    default:
      if ("refused" in leads) return failed(cell, "refused_by_engine", leads.refused);
      return failure("failed", leads.failed);
  }
}

/** Whether the client has had a part of the answer, so that no status can tell it of a failure. */
const hasBegun = ({ fault, leg, stream }: Cell) =>
  leg === "decode" && stream && (fault.at === "body" || fault.leads === "client-stalled");

function failed(cell: Cell, outcome: ErrorCode, status: number = ERRORS[outcome][0]): Outcome {
  const { fault, leg, kind } = cell;
  const isRefused = fault.before !== undefined;
  const ofDecode = leg === "decode";
  const isFirst = ofDecode === (kind === "layerwise");
  // An instance that never sees the request asks for nothing either.
  const other = isFirst && fault.at === "unread" ? 0 : 1;
  const own = isRefused ? 0 : 1;
  const isOver = !isFirst || kind === "layerwise" ? 1 : 0;
  return {
    client: hasBegun(cell) ? "error event" : status,
    outcome,
    retries: 0,
    asked: ofDecode
      ? { prefill: kind === "layerwise" ? other : 1, decode: own }
      : { prefill: own, decode: kind === "layerwise" ? isOver : 0 },
    failures: {},
    kv: ofDecode && !hasBegun(cell) ? lost(cell) : { released: 0, expired: 0 },
    // As vllm-ascend has it: room for what is to be pushed is not free before it has been.
    stuck: kind === "layerwise" && leg === "prefill" && outcome !== "client_left" ? "decode" : "nowhere",
    health: fault.health ?? [],
  };
}

/** Of KV cache that decode does not fetch: it is released where prefill can be told, and somebody is there who does. */
function lost({ kind, fault, instances }: Cell): Outcome["kv"] {
  if (kind === "layerwise" || fault.before === "no such name") return { released: 0, expired: 0 };
  const isTold = KINDS[kind].scheduler.kvRelease === "reject" && fault.leads !== "silent";
  const isAnyoneThere = instances === 2 || (fault.before === undefined && fault.group !== "processes");
  return isTold && isAnyoneThere ? { released: 1, expired: 0 } : { released: 0, expired: 1 };
}

/** Prefill's answer is there, and its KV cache is not. */
function transferFailed(cell: Cell, good: Outcome): Outcome {
  // Decode computes the prompt itself, or has what it needs already.
  if (cell.kind === "ascendcloud" || cell.kind === "layerwise") return good;
  const isTold = KINDS[cell.kind].scheduler.kvRelease === "reject";
  return {
    ...good,
    client: 500,
    outcome: "decode_failed",
    failures: { decode_failed: 1 },
    kv: isTold ? { released: 1, expired: 0 } : { released: 0, expired: 1 },
  };
}
