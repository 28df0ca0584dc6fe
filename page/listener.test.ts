import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { csp, html } from "./document.js";
import { Feed } from "./feed.ts";
import { pageListener } from "./listener.ts";
import type { Snapshot } from "./snapshot.ts";
import { MAX_VIEWERS } from "./stream.ts";
import { snapshot } from "./testing/snapshots.ts";

const until = (met: () => boolean) => vi.waitUntil(met, { timeout: 50_000 });

const TOKEN = "0123456789abcdef";

async function served(token?: string) {
  let say: (seen: Snapshot) => void = () => {};
  const feed = new Feed((tell) => {
    say = tell;
    return () => {};
  });
  const server = createServer(pageListener(feed, token));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;

  async function get(path: string, headers: Record<string, string> = {}, method = "GET") {
    const call = request({ port, host: "127.0.0.1", path, method, headers, agent: false }).end();
    const [answer] = await once(call, "response");
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
  }

  /** A connection that has asked for the feed, what it has heard so far, and its end. */
  async function viewer() {
    const socket = connect(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (bytes) => {
      heard += bytes;
    });
    const closed = once(socket, "close");
    socket.on("error", () => {});
    socket.write("GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return { socket, closed, heard: () => heard };
  }
  return { feed, get, viewer, say: (seen: Snapshot) => say(seen), port };
}

const basic = (password: string, name = "") =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

test("The page is one document whose policy lets its own script and style run, and nothing else.", async () => {
  const { get } = await served();

  const { status, headers, body } = await get("/");

  expect([status, body]).toEqual([200, html]);
  expect(headers["content-security-policy"]).toBe(csp);
  const inside = (tag: string) => new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(body)?.[1] ?? "";
  const hash = (content: string) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
  const policy = Object.fromEntries(csp.split("; ").map((one) => one.split(/ (.*)/s, 2)));
  expect(policy).toMatchObject({
    "default-src": "'none'",
    "script-src": hash(inside("script")),
    "style-src": hash(inside("style")),
    "require-trusted-types-for": "'script'",
    "frame-ancestors": "'none'",
  });
  expect(body).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?\/\//);
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
  });
});

test.each(["localhost", "localhost:9200", "127.0.0.1:1", "[::1]:9200", "LOCALHOST"])(
  "Without a token a browser is served that calls this machine %s.",
  async (host) => {
    const { get } = await served();

    expect((await get("/", { host })).status).toBe(200);
  },
);

test.each([
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example:80",
  "10.0.0.18:9200",
  "evil@localhost",
])(
  "Without a token a page of another site cannot have a name of its own, %s, mean this address.",
  async (host) => {
    const { get } = await served();

    for (const path of ["/", "/feed"]) expect((await get(path, { host })).status).toBe(403);
  },
);

test("With a token it is asked for by HTTP's own login, as a password or a bearer, under any name of the host.", async () => {
  const { get } = await served(TOKEN);
  const host = "10.0.0.18:9200";

  for (const authorization of [basic(TOKEN), basic(TOKEN, "me"), `Bearer ${TOKEN}`])
    expect((await get("/", { host, authorization })).status).toBe(200);
  for (const path of ["/", "/feed", "/nothing"]) {
    const { status, headers } = await get(path, { host });
    expect([status, headers["www-authenticate"]]).toEqual([401, expect.stringMatching(/^Basic realm=/)]);
  }
  for (const authorization of [
    basic(`${TOKEN}0`),
    basic(""),
    `Bearer ${TOKEN.slice(1)}`,
    `Digest ${TOKEN}`,
    TOKEN,
    "Basic %%%",
  ])
    expect((await get("/feed", { host: "localhost", authorization })).status).toBe(401);
});

test.each([
  ["/state", "GET", 404],
  ["/feed/", "GET", 404],
  ["/", "POST", 405],
  ["/feed", "DELETE", 405],
  ["/", "HEAD", 200],
  ["/?x=1", "GET", 200],
])("%s is answered to %s with %i.", async (path, method, status) => {
  const { get } = await served();

  expect((await get(path, {}, method)).status).toBe(status);
});

test("A viewer gets each snapshot as an event, and once more from where it left off when it comes back.", async () => {
  const { feed, viewer, say } = await served();
  const first = await viewer();
  await until(() => feed.viewers === 1);
  say(snapshot(2, { at: Date.now() - 2000 }));
  await until(() => first.heard().includes("event: snapshot\ndata: {"));
  first.socket.destroy();
  await until(() => feed.viewers === 0);

  const second = await viewer();
  await until(() => second.heard().includes("event: history"));

  expect(second.heard()).toContain("retry: ");
  expect(second.heard()).toMatch(/event: history\ndata: \[\{"at":\d+/);
  expect(second.heard()).not.toContain("event: snapshot");
});

test("So many may look at once, and a place that is left is another's.", async () => {
  const { feed, get, viewer } = await served();
  const viewers = await Promise.all(Array.from({ length: MAX_VIEWERS }, viewer));
  await until(() => feed.viewers === MAX_VIEWERS);

  const { status, headers } = await get("/feed");
  expect([status, headers["retry-after"]]).toEqual([503, "10"]);

  viewers[0]?.socket.destroy();
  await until(() => feed.viewers === MAX_VIEWERS - 1);
  await viewer();
  await until(() => feed.viewers === MAX_VIEWERS);
});

test("A viewer that does not read has one message waiting at most, is let go, and holds up no other.", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { feed, viewer, say } = await served();
  const [slow, quick] = [await viewer(), await viewer()];
  await until(() => feed.viewers === 2);
  slow.socket.pause();
  // More than all the buffers of a connection hold.
  const large = snapshot(1, { models: ["x".repeat(1_000_000)] });
  for (let at = 1; at <= 40; at++) {
    say({ ...large, at });
    await until(() => quick.heard().length > at * 1_000_000 && quick.heard().endsWith("\n\n\r\n"));
  }
  expect(feed.viewers).toBe(2);

  vi.advanceTimersByTime(16_000);
  say({ ...large, at: 41 });

  await until(() => feed.viewers === 1);
  slow.socket.resume();
  await slow.closed;
  await until(() => quick.heard().includes('data: {"at":41,'));
  expect(slow.heard()).toContain('data: {"at":1,');
  expect(slow.heard().length).toBeLessThan(quick.heard().length / 2);
});

test("A viewer that was too slow for some messages gets the newest once it has read.", async () => {
  const { feed, viewer, say } = await served();
  const slow = await viewer();
  await until(() => feed.viewers === 1);
  slow.socket.pause();
  const large = snapshot(1, { models: ["x".repeat(1_000_000)] });
  for (let at = 1; at <= 40; at++) {
    say({ ...large, at });
    await new Promise(setImmediate);
  }

  slow.socket.resume();

  await until(() => slow.heard().includes('data: {"at":40,'));
  expect(slow.heard()).not.toContain('data: {"at":39,');
});
