import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";

// Not imported: an `import` reads all that a module has, also what loads all of `fetch`.
const { request } = process.getBuiltinModule("node:https");
const plain = process.getBuiltinModule("node:http").request;

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks the API server, and gives what it answers, whatever that is. Throws where it cannot be reached. */
export async function call(access: Access, path: string, options: Call = {}): Promise<Answer> {
  const response = await open(access, path, { signal: AbortSignal.timeout(120_000), ...options });
  const all = text(response).catch((error: Error) => Promise.reject(new Unreachable(access, error)));
  return { status: response.statusCode ?? 0, text: await all };
}

/** Like `call`, but gives the answer as it comes. */
export function open(access: Access, path: string, options: Call = {}): Promise<IncomingMessage> {
  const { method = "GET", query = {}, body, type = "application/json", headers = {}, signal } = options;
  const search = new URLSearchParams(query).toString();
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const ask = access.server.startsWith("http:") ? plain : request;
  return new Promise((resolve, reject) => {
    ask(`${access.server}${path}${search && `?${search}`}`, {
      method,
      ...access.tls,
      headers: {
        accept: "application/json",
        ...(sent !== undefined && { "content-type": type, "content-length": Buffer.byteLength(sent) }),
        ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
        ...headers,
      },
      ...(signal && { signal }),
    })
      .on("response", resolve)
      .on("error", (error: Error) => reject(new Unreachable(access, error)))
      .end(sent);
  });
}

/** The API server gave no answer. */
export class Unreachable extends FixableError {
  constructor({ name, server }: Access, reason: Error) {
    super(
      `the API server ${server} (context ${name}) cannot be reached: ${reason.message}`,
      "see whether `kubectl version` reaches it from here; the context and its server stand in KUBECONFIG",
    );
  }
}
