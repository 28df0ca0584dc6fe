import { request } from "node:http";
import { text } from "node:stream/consumers";
import type { SocketAnswer } from "../../docker/container-socket.ts";
import { type AdminAnswer, answerOf } from "../../hosts/administration.ts";

/** Where a running scheduler is administered: `--admin-socket` or `--admin-port` of its command line. */
export type AdminAddress = { readonly socketPath: string } | { readonly port: number };

/** What it said; whoever does not answer is a problem too. */
export type Told = Extract<AdminAnswer, { done: boolean }>;

/** Asks the scheduler. Without `body` it only looks. */
export async function askScheduler(address: AdminAddress, path: string, body?: object): Promise<Told> {
  const where = "port" in address ? `127.0.0.1 port ${address.port}` : address.socketPath;
  return told(
    answerOf(await exchange(address, path, body)),
    `at ${where}`,
    "give the --admin-socket or --admin-port that the scheduler was started with",
  );
}

/** An answer, or that nobody gives one `where`. */
export function told(answer: AdminAnswer, where: string, fix: string): Told {
  if ("done" in answer) return answer;
  const why = "absent" in answer ? answer.absent : answer.failure;
  return unreachable(`no scheduler can be administered ${where}: ${REASONS[why] ?? why}`, fix);
}

export const unreachable = (message: string, fix: string): Told => ({
  done: false,
  problem: { code: "unreachable", message, fix },
});

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "this user may not open it",
  ECONNRESET: "the connection was closed before the answer",
};

function exchange(address: AdminAddress, path: string, body: object | undefined): Promise<SocketAnswer> {
  return new Promise<SocketAnswer>((resolve, reject) => {
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
        .then((answer) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) }))
        .catch(reject);
    });
    call.end(content);
  }).catch(({ code, message }: NodeJS.ErrnoException) => ({ failure: code || message }));
}
