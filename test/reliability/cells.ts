import { FAULTS, type Fault, type Leg } from "./faults.ts";
import { KIND_NAMES, type KindName } from "./kinds.ts";

/** One request, and what goes wrong with it. */
export interface Cell {
  readonly fault: Fault;
  readonly kind: KindName;
  readonly leg: Leg;
  readonly stream: boolean;
  /** Instances of the leg's role; the fault is the first one's. */
  readonly instances: 1 | 2;
}

const BOTH = [false, true] as const;

/** Where it matters whether another instance can take over. */
const asksAnother = ({ leads }: Fault) => leads === "unreachable" || leads === "busy" || leads === "absent";

/** Decode has the KV cache, and so the answer, before prefill's own answer comes: what happens to that is no one's concern. */
const isTooLate = ({ at }: Fault, kind: KindName, leg: Leg) =>
  kind === "layerwise" && leg === "prefill" && at !== "unread" && at !== "passed";

/** What an engine says, or how it dies, is the same to all kinds in plain answers: two of them stand for the others. */
const isSpared = ({ group }: Fault, kind: KindName, stream: boolean) =>
  !stream &&
  (group === "answers" || group === "processes") &&
  (kind === "vllm-ascend" || kind === "ascendcloud");

export const CELLS: readonly Cell[] = FAULTS.flatMap((fault) =>
  (fault.kinds ?? KIND_NAMES).flatMap((kind) =>
    (fault.leg === undefined ? (["prefill", "decode"] as const) : [fault.leg])
      .filter((leg) => !isTooLate(fault, kind, leg) || fault.leads === "kv-lost")
      .flatMap((leg) =>
        BOTH.filter((stream) => fault.only === undefined || (fault.only === "stream") === stream)
          .filter((stream) => !isSpared(fault, kind, stream))
          .flatMap((stream) =>
            (asksAnother(fault) ? ([2, 1] as const) : ([2] as const)).map(
              (instances): Cell => ({ fault, kind, leg, stream, instances }),
            ),
          ),
      ),
  ),
);

export function titleOf({ fault, kind, leg, stream, instances }: Cell): string {
  const who = fault.group === "clients" ? "" : `${leg} `;
  return `${kind}, ${stream ? "stream" : "plain"}, ${instances === 2 ? "another" : "no other"} ${leg} instance: ${who}${fault.name}`;
}
