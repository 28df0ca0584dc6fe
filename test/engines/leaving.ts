import { ids } from "./cases.ts";
import { counts } from "./engine-metrics.ts";
import { ANSWER_TOKENS, measured, PROMPT_TOKENS, type Proof, type Rig, send, when } from "./proving.ts";

export const CLIENTS = 6;

interface Client {
  /** When the first of its answer has come. */
  readonly begun: Promise<unknown>;
  /** Whether all has. */
  readonly isWhole: Promise<boolean>;
}

type Asked = Readonly<Record<"prompt" | "tokens", number>>;
type Moment = (clients: readonly Client[]) => Promise<unknown>;

const TRIES = 8;

/**
 * The time from when clients leave, at a certain moment, until nothing of them is on either instance. Where all have been
 * answered by then, as on a busy machine that tells late of the moment, others are tried.
 */
export async function leaving(rig: Rig, asked: Asked, moment: Moment): Promise<Proof> {
  for (let tries = 1; ; tries++) {
    const proof = await leavingOnce(rig, asked, moment, tries);
    if (proof.figures.answered !== CLIENTS || tries === TRIES) return proof;
  }
}

async function leavingOnce(
  rig: Rig,
  { prompt, tokens }: Asked,
  moment: Moment,
  tries: number,
): Promise<Proof> {
  const before = await measured(rig);
  const leave = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const fields = {
      prompt: ids(`leaving ${prompt} ${index} ${tries}`, prompt),
      max_tokens: tokens,
      ignore_eos: true,
    };
    const begun = send(rig, { ...fields, stream: true }, leave.signal);
    const whole = begun.then((answer) => answer.text());
    const isWhole = whole.then(
      () => true,
      () => false,
    );
    return { begun: begun.catch(() => undefined), isWhole };
  });
  await Promise.race([moment(clients), Promise.all(clients.map(({ isWhole }) => isWhole))]);
  const during = await measured(rig);
  leave.abort();
  const left = performance.now();
  const answered = (await Promise.all(clients.map(({ isWhole }) => isWhole))).filter(Boolean).length;

  const freed = (["prefill", "decode"] as const).map((role) =>
    when(async () => {
      const now = await counts(rig[role].url);
      return now.requests === 0 && now.blocks <= before[role].blocks;
    }),
  );
  const [prefill = Number.NaN, decode = Number.NaN] = await Promise.all(freed);
  return {
    figures: {
      clients: CLIENTS,
      answered,
      requestsOnPrefill: during.prefill.requests,
      requestsOnDecode: during.decode.requests,
      prefillFreedMs: Math.round(prefill - left),
      decodeFreedMs: Math.round(decode - left),
    },
    wrong: [
      ...(Number.isNaN(prefill) ? ["prefill still has something of them"] : []),
      ...(Number.isNaN(decode) ? ["decode still has something of them"] : []),
      ...(answered === CLIENTS ? ["all were answered before they left"] : []),
    ],
  };
}

const LEAVING = 80;
const LEAVING_AT_ONCE = 4;
/** By then most have been answered. */
const LATEST_MS = 160;

/**
 * Some leave between the legs: prefill has kept the cache, and decode is not asked, or was and had not begun. What prefill
 * has just ended, but not answered when it hears of the end, is kept for its lease: nobody was told where it is.
 */
export async function leavingAnyhow(rig: Rig): Promise<Proof> {
  const before = await measured(rig);
  let answered = 0;
  const leaveInTurn = async (first: number) => {
    for (let index = first; index < LEAVING; index += LEAVING_AT_ONCE) {
      const prompt = ids(`leaving anyhow ${index}`, PROMPT_TOKENS);
      const after = AbortSignal.timeout((LATEST_MS * (index + 1)) / LEAVING);
      const answer = await send(rig, { prompt, max_tokens: ANSWER_TOKENS }, after)
        .then((response) => response.text())
        .catch(() => undefined);
      if (answer !== undefined) answered++;
    }
  };
  await Promise.all(Array.from({ length: LEAVING_AT_ONCE }, (_, first) => leaveInTurn(first)));
  const left = performance.now();
  const freed = await when(async () => {
    const now = await measured(rig);
    return (["prefill", "decode"] as const).every(
      (role) => now[role].requests === 0 && now[role].blocks <= before[role].blocks,
    );
  });
  const { prefill } = await measured(rig);
  const figures = {
    clients: LEAVING,
    answered,
    freedMs: Math.round(freed - left),
    expired: prefill.expired - before.prefill.expired,
  };
  return {
    figures,
    wrong: [
      ...(figures.expired * 4 > LEAVING - answered ? ["one in four caches stayed for its lease"] : []),
      ...(answered === LEAVING ? ["all were answered before they left"] : []),
    ],
  };
}
