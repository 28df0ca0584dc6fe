import { lstatSync, type Stats, statSync, unlinkSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { Feed } from "../../page/feed.ts";
import { isFull, MAX_VIEWERS, stream } from "../../page/stream.ts";
import type { AdminAddress } from "../config/config.ts";
import { InvalidTables } from "../config/endpoints.ts";
import { ListenError, listen, sideServer } from "../listen.ts";
import type { Membership } from "../membership/membership.ts";
import { MembershipError, type ReloadResult } from "../membership/wishes.ts";

/** What an operator can see and do. */
export interface Administration {
  readonly membership: Pick<Membership, "drain" | "join">;
  /** Where a wish names no deadline. */
  readonly deadlineMs: number;
  state(): object;
  /** What the page shows. */
  readonly feed: Feed;
  /** Throws InvalidTables, and then nothing has changed. */
  reload(nodePorts: string | undefined): ReloadResult;
  /** A key for a while; null where none is asked for. */
  pass(): { readonly key: string | null; readonly seconds: number };
}

/** What the kernel takes; Node cuts a longer path short. */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_DEADLINE_S = 86_400;

/** Why a request of an operator is not done, and how to ask for it. */
class AdminError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;

  constructor(status: number, code: string, message: string, fix: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.fix = fix;
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface AdminRoute {
  readonly method: "GET" | "POST";
  /** Keys of its body. */
  readonly keys: readonly string[];
  /** A feed is told line by line. */
  readonly run: (admin: Administration, fields: Fields) => object | Promise<object> | Feed;
}

export const ADMIN_ROUTES: Readonly<Record<string, AdminRoute>> = {
  "/state": { method: "GET", keys: [], run: (admin) => admin.state() },
  "/watch": { method: "GET", keys: [], run: ({ feed }) => feed },
  "/drain": {
    method: "POST",
    keys: ["instance", "deadline", "force"],
    run: (admin, fields) =>
      admin.membership.drain(instanceOf(fields), deadlineOf(fields, admin), forceOf(fields)),
  },
  "/join": {
    method: "POST",
    keys: ["instance", "deadline"],
    run: (admin, fields) => admin.membership.join(instanceOf(fields), deadlineOf(fields, admin)),
  },
  "/reload": {
    method: "POST",
    keys: ["nodePorts"],
    run: (admin, { nodePorts }) => {
      if (nodePorts === undefined || typeof nodePorts === "string") return admin.reload(nodePorts);
      throw invalid("`nodePorts` must be a string", 'give the ports as "8088,8089"');
    },
  },
  "/pass": { method: "POST", keys: [], run: (admin) => admin.pass() },
};

/** Serves the administration until `close`. Rejects with ListenError. */
export async function startAdmin(
  admin: Administration,
  address: AdminAddress,
): Promise<{ readonly port: number; close(): void }> {
  const isLocal = "socket" in address;
  const server = sideServer((request, response) => {
    void respond(admin, request, response, isLocal);
  });
  const port = isLocal
    ? await listenPrivately(server, address.socket)
    : await listen(server, { host: "127.0.0.1", port: address.port }, "--admin-port");
  return {
    port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** On a socket that only this user can open. What a killed process has left there is taken away. */
async function listenPrivately(server: Server, path: string): Promise<number> {
  const there = lookAt(path);
  if (there?.isSocket() === false) throw unusable(path, "something else is there");
  if (there !== undefined && !(await isServed(path))) unlinkSync(path);
  const mask = process.umask(0o177);
  try {
    return await listen(server, { path }, "--admin-socket");
  } finally {
    process.umask(mask);
  }
}

/** What stands there; `undefined` for nothing yet. Throws ListenError where no socket can be made. */
function lookAt(path: string): Stats | undefined {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw unusable(path, `its path is over ${MAX_SOCKET_PATH_BYTES} bytes long`);
  try {
    statSync(dirname(path));
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(
      path,
      code === "ENOENT" ? "there is no such folder" : `its folder cannot be used (${code})`,
    );
  }
}

function unusable(path: string, why: string): ListenError {
  return new ListenError(`cannot listen on ${path}: ${why}`, "choose another --admin-socket");
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
}

async function respond(
  admin: Administration,
  request: IncomingMessage,
  response: ServerResponse,
  isLocal: boolean,
): Promise<void> {
  try {
    // A web page that has this machine's browser ask it can forge neither.
    if (!isLocal && !/^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(request.headers.host ?? "")) {
      throw new AdminError(403, "forbidden", "the Host header names another machine", "ask 127.0.0.1");
    }
    const route = Object.hasOwn(ADMIN_ROUTES, request.url ?? "")
      ? ADMIN_ROUTES[request.url ?? ""]
      : undefined;
    if (route === undefined) {
      const paths = Object.keys(ADMIN_ROUTES).join(", ");
      throw new AdminError(404, "not_found", "there is no such path", `ask for one of ${paths}`);
    }
    if (request.method !== route.method) {
      throw new AdminError(
        405,
        "method_not_allowed",
        `${request.method} is not for this path`,
        `use ${route.method}`,
      );
    }
    const fields = route.method === "POST" ? await bodyOf(request, route.keys) : {};
    const answer = await route.run(admin, fields);
    if (answer instanceof Feed) follow(answer, response);
    else send(response, 200, answer);
  } catch (error) {
    const [status, told] = explained(error);
    send(response, status, { error: told });
  }
}

/** A line of JSON for each look. */
function follow(feed: Feed, response: ServerResponse): void {
  if (isFull(feed)) {
    throw new AdminError(503, "too_many", `${MAX_VIEWERS} look at it, which are the most`, "try again later");
  }
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  stream(feed, response, ({ kind, json }) => (kind === "snapshot" ? `${json}\n` : "\n"));
}

function explained(error: unknown): [status: number, error: object] {
  if (error instanceof AdminError) {
    const { status, code, message, fix } = error;
    return [status, { code, message, fix }];
  }
  if (error instanceof MembershipError) {
    const { kind, message, fix } = error;
    return kind === "unknown"
      ? [404, { code: "unknown_instance", message, fix }]
      : [409, { code: "conflict", message, fix }];
  }
  if (error instanceof InvalidTables) {
    const { message, problems } = error;
    const fix = "mend them and reload; until then all stays as it was";
    return [422, { code: "invalid_tables", message, fix, problems }];
  }
  return [500, { code: "internal_error", message: String(error), fix: "this is a bug: report it" }];
}

function send(response: ServerResponse, status: number, answer: object): void {
  const body = Buffer.from(`${JSON.stringify(answer)}\n`);
  // What was not read of the request would be taken for the next one.
  if (status >= 400) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": body.length });
  response.end(body);
}

async function bodyOf(request: IncomingMessage, keys: readonly string[]): Promise<Fields> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new AdminError(
      415,
      "unsupported_type",
      "the body is not declared as JSON",
      "send Content-Type: application/json",
    );
  }
  let text = "";
  for await (const piece of request.setEncoding("utf8")) {
    text += piece;
    if (text.length > MAX_BODY_BYTES) {
      throw new AdminError(413, "body_too_large", `the body is over ${MAX_BODY_BYTES} bytes`, "send less");
    }
  }
  let fields: unknown;
  try {
    fields = JSON.parse(text || "{}");
  } catch {
    fields = undefined;
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw invalid("the body is not a JSON object", `send {${keys.map((key) => `"${key}": …`).join(", ")}}`);
  }
  const unknown = Object.keys(fields).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw invalid(`there is no ${JSON.stringify(unknown)} here`, `the keys are ${keys.join(", ")}`);
  }
  return fields as Fields;
}

function instanceOf({ instance }: Fields): string {
  if (typeof instance === "string") return instance;
  throw invalid("`instance` must be a string", 'name an instance, e.g. "prefill-0"');
}

function deadlineOf({ deadline }: Fields, { deadlineMs }: Administration): number {
  if (deadline === undefined) return deadlineMs;
  if (typeof deadline === "number" && deadline >= 0 && deadline <= MAX_DEADLINE_S) return deadline * 1000;
  throw invalid("`deadline` must be a number of seconds", `give 0 to ${MAX_DEADLINE_S}`);
}

function forceOf({ force = false }: Fields): boolean {
  if (typeof force === "boolean") return force;
  throw invalid("`force` must be true or false", "leave it out for false");
}

function invalid(message: string, fix: string): AdminError {
  return new AdminError(400, "invalid_request", message, fix);
}
