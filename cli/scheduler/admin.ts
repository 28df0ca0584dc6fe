import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import type { SocketAnswer } from "../../docker/container-socket.ts";
import { type AdminAnswer, answerOf, giveAddress } from "../../hosts/administration.ts";

/** Where a running scheduler is administered: `--admin-socket` or `--admin-port` of its command line. */
export type AdminAddress = { readonly socketPath: string } | { readonly port: number };

/** What it said; whoever does not answer is a problem too. */
export type Told = Extract<AdminAnswer, { done: boolean }>;

/** Asks the scheduler. Without `body` it only looks. */
export async function askScheduler(address: AdminAddress, path: string, body?: object): Promise<Told> {
  const where = "port" in address ? `127.0.0.1 port ${address.port}` : address.socketPath;
  return told(answerOf(await exchange(address, path, body)), `at ${where}`, giveAddress);
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

async function exchange(
  address: AdminAddress,
  path: string,
  body: object | undefined,
): Promise<SocketAnswer> {
  const method = body === undefined ? "GET" : "POST";
  const headers = { "content-type": "application/json" };
  const call = request({ ...address, host: "127.0.0.1", path, method, headers, agent: false });
  call.end(body && JSON.stringify(body));
  try {
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, body: JSON.parse(await text(answer)) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: code || message };
  }
}
