import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { csp, html } from "./document.js";
import type { Feed } from "./feed.ts";
import { isFull, MAX_VIEWERS, stream } from "./stream.ts";

/** When a browser whose connection has ended comes again. */
const RETRY_MS = 1000;

const HEADERS = {
  "Content-Security-Policy": csp,
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Serves the page, and what it shows, to be read only. Where `token` is given it is asked for as the password of HTTP's
 * own login, or as a bearer; else only browsers that call this machine by its own name are served, since a page of
 * another site can make its name mean this address.
 */
export function pageListener(feed: Feed, token: string | undefined): RequestListener {
  return (request, response) => {
    const refusal = refusalOf(feed, request, token);
    if (refusal !== undefined) refuse(response, refusal);
    else if (pathOf(request) === "/feed") show(feed, response);
    else answer(response, 200, "text/html", html);
  };
}

interface Refusal {
  readonly status: number;
  readonly why: string;
  readonly fields?: Readonly<Record<string, string>>;
}

function refusalOf(feed: Feed, request: IncomingMessage, token: string | undefined): Refusal | undefined {
  const path = pathOf(request);
  const methods = path === "/" ? ["GET", "HEAD"] : ["GET"];
  if (token === undefined && !isLocalName(request))
    return { status: 403, why: "The Host header names another machine: ask for localhost." };
  if (token !== undefined && !knows(request, token)) {
    const fields = { "WWW-Authenticate": 'Basic realm="ascend-pd", charset="UTF-8"' };
    return { status: 401, why: "The token is the password; the name does not matter.", fields };
  }
  if (path !== "/" && path !== "/feed") return { status: 404, why: "There is / alone." };
  if (!methods.includes(request.method ?? ""))
    return { status: 405, why: "This can only be read.", fields: { Allow: methods.join(", ") } };
  if (path === "/feed" && isFull(feed)) {
    const why = `${MAX_VIEWERS} viewers look at it, which are the most.`;
    return { status: 503, why, fields: { "Retry-After": "10" } };
  }
  return undefined;
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

function show(feed: Feed, response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, "Content-Type": "text/event-stream; charset=utf-8" });
  response.write(`retry: ${RETRY_MS}\n\n`);
  // JSON has no line ends, so one line of data holds it.
  stream(feed, response, ({ kind, json }) => `event: ${kind}\ndata: ${json}\n\n`);
}

function refuse(response: ServerResponse, { status, why, fields = {} }: Refusal): void {
  answer(response, status, "text/plain", `${why}\n`, { ...fields, Connection: "close" });
}

function answer(response: ServerResponse, status: number, type: string, body: string, fields = {}): void {
  const length = Buffer.byteLength(body);
  const framing = { "Content-Type": `${type}; charset=utf-8`, "Content-Length": length };
  response.writeHead(status, { ...HEADERS, ...framing, ...fields });
  response.end(body);
}

function isLocalName({ headers: { host = "" } }: IncomingMessage): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host);
}

function knows({ headers: { authorization = "" } }: IncomingMessage, token: string): boolean {
  const [, scheme = "", value = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
  const isBasic = scheme.toLowerCase() === "basic";
  const said = isBasic
    ? Buffer.from(value, "base64")
        .toString()
        .replace(/^[^:]*:/, "")
    : value;
  if (!isBasic && scheme.toLowerCase() !== "bearer") return false;
  return timingSafeEqual(hash(said), hash(token));
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
