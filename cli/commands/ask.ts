import { setTimeout as sleep } from "node:timers/promises";
import { administered } from "../../hosts/administered.ts";
import { readLines } from "../../hosts/follow.ts";
import { givesPasses, passOf } from "../../hosts/pass.ts";
import type { Plan } from "../../planning/plan.ts";
import { streamChat } from "../chat.ts";
import { type Command, parseOptions } from "../command.ts";
import { dockerStack } from "../planned-stack.ts";
import { complain, print, printPiece } from "../print.ts";
import { UserError } from "../user-error.ts";

/** What a question has shown of the stack. Times in milliseconds. */
interface Measured {
  readonly request: string;
  readonly ttft: number;
  /** Between pieces, behind the first; 0 where there is one. */
  readonly perPiece: number;
  readonly pieces: number;
  /** The scheduler's names; absent where its log does not tell. */
  readonly prefill?: string;
  readonly decode?: string;
}

const OPTIONS = {
  "max-tokens": { type: "string", default: "128" },
  json: { type: "boolean", default: false },
} as const;

export const ask: Command = {
  summary: "ask a deployed stack one question, and say how fast and by which instances it was answered",
  usage: `usage: ascend-pd ask STACK "QUESTION" [--max-tokens N] [--json]

Sends one chat completion to the stack's endpoint, prints the answer as it streams, and then on stderr the time to the first
token, the time per further piece, and the instances that answered, which the scheduler's log tells.

  --max-tokens N  how long the answer may be (128)
  --json          print {"answer", "request", "ttft", "perPiece", "pieces", "prefill", "decode"} at the end instead;
                  times in milliseconds

examples:
  ascend-pd ask sim-1p1d "What is a KV cache?"
  ascend-pd ask 2p2d "预填充是什么?" --max-tokens 32 --json

exit codes: 0 answered, 1 not answered, 2 the command line or the stack file is wrong`,
  options: OPTIONS,
  operands: ["stack"],
  async run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [stack, question, ...others] = positionals;
    if (stack === undefined || question === undefined || others.length > 0) {
      throw new UserError("it takes a STACK and one QUESTION\nfix: put the question in quotes");
    }
    const tokens = values["max-tokens"];
    if (!/^[1-9]\d{0,6}$/.test(tokens)) {
      throw new UserError(`--max-tokens is ${tokens}\nfix: give a number of tokens, from 1`);
    }
    const { plan } = dockerStack(stack);
    if (plan.api !== "openai") {
      throw new UserError(
        `${stack} serves vLLM's own API\nfix: remove engine.useOpenai, or ask its /generate`,
      );
    }
    let answer = "";
    const measured = await timed(plan, question, Number(tokens), (piece) => {
      answer += piece;
      if (!values.json) printPiece(piece);
    });
    const { prefill, decode } = await answeredBy(plan, measured.request);
    if (values.json) {
      print(JSON.stringify({ answer, ...measured, prefill, decode }, undefined, 2));
      return 0;
    }
    const by = prefill === undefined && decode === undefined ? "" : `; prefill ${prefill}, decode ${decode}`;
    print("");
    complain(
      `first token after ${measured.ttft} ms, ${measured.perPiece} ms each for ${measured.pieces - 1} more${by}`,
    );
    return 0;
  },
};

async function timed(
  plan: Plan,
  question: string,
  maxTokens: number,
  onPiece: (piece: string) => void,
): Promise<Measured> {
  const { endpoint, servedModelName } = plan;
  const passFrom = givesPasses(plan);
  const key = passFrom === undefined ? "" : await passOf(passFrom);
  const start = performance.now();
  let request = "";
  let first = start;
  let last = start;
  let pieces = 0;
  const begun = (id: string) => {
    request = id;
  };
  for await (const piece of streamChat(endpoint, servedModelName, question, maxTokens, begun, key)) {
    last = performance.now();
    if (pieces === 0) first = last;
    pieces++;
    onPiece(piece);
  }
  const perPiece = pieces > 1 ? (last - first) / (pieces - 1) : 0;
  return { request, ttft: Math.round(first - start), perPiece: Math.round(perPiece * 10) / 10, pieces };
}

/** Which instances the scheduler's log says, which has the line when the answer is over. Never rejects. */
async function answeredBy(plan: Plan, request: string): Promise<{ prefill?: string; decode?: string }> {
  const scheduler = administered(plan);
  if (scheduler === undefined || request === "") return {};
  const { host, container } = scheduler;
  let found: { prefill?: string; decode?: string } = {};
  for (let attempt = 0; attempt < 5 && found.decode === undefined; attempt++) {
    if (attempt > 0) await sleep(300);
    const signal = AbortSignal.timeout(10_000);
    await readLines(host, container, { tail: 500, follow: false, signal }, ({ text }) => {
      if (text.includes(`"id":${JSON.stringify(request)}`)) found = JSON.parse(text);
    }).catch(() => {});
  }
  return found;
}
