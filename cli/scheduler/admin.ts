import { request } from "node:http";
import { text } from "node:stream/consumers";

/** Where a running scheduler is administered: `--admin-socket` or `--admin-port` of its command line. */
export type AdminAddress = { readonly socketPath: string } | { readonly port: number };

export type AdminAnswer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: AdminProblem };

/** Why something was not done. */
export interface AdminProblem {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly problems?: readonly { readonly message: string; readonly fix: string }[];
}

const GIVE_ADDRESS = "give the --admin-socket or --admin-port that the scheduler was started with";

/** Asks the scheduler. Without `body` it only looks. Never rejects: whoever does not answer is a problem too. */
export async function askScheduler(address: AdminAddress, path: string, body?: object): Promise<AdminAnswer> {
  try {
    return answerOf(await exchange(address, path, body));
  } catch (error) {
    const where = "port" in address ? `127.0.0.1 port ${address.port}` : address.socketPath;
    const { code, message } = error as NodeJS.ErrnoException;
    return noScheduler(`at ${where}`, code || message, GIVE_ADDRESS);
  }
}

interface Exchanged {
  readonly status: number | undefined;
  readonly body: unknown;
}

/** What a scheduler has answered. */
export function answerOf({ status, body }: Exchanged): AdminAnswer {
  if (status === 200) return { ok: true, body };
  const { error } = (body ?? {}) as { error?: Partial<AdminProblem> };
  // Other servers have errors too, the scheduler's port for clients among them.
  if (error?.fix === undefined)
    return noAnswer("what answers there is no scheduler's administration", GIVE_ADDRESS);
  return { ok: false, error: error as AdminProblem };
}

/** Why no answer came; `why` is the code of the system's error, or words. */
export function noScheduler(where: string, why: string, fix: string): AdminAnswer {
  return noAnswer(`no scheduler can be administered ${where}: ${REASONS[why] ?? why}`, fix);
}

export function noAnswer(message: string, fix: string): AdminAnswer {
  return { ok: false, error: { code: "unreachable", message, fix } };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "this user may not open it",
  ECONNRESET: "the connection was closed before the answer",
};

function exchange(address: AdminAddress, path: string, body: object | undefined): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const content = body && JSON.stringify(body);
    const call = request({
      ...address,
      host: "127.0.0.1",
      path,
      agent: false,
      ...(content === undefined
        ? {}
        : {
            method: "POST",
            headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) },
          }),
    });
    call.on("error", reject);
    call.on("response", (response) => {
      text(response)
        .then((answer) => resolve({ status: response.statusCode, body: JSON.parse(answer) }))
        .catch(reject);
    });
    call.end(content);
  });
}
