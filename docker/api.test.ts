import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { callEngine, type EngineMessage, expectEngine, greetEngine, tryEngine } from "./api.ts";

const servers: Server[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function serveSocket(listener: RequestListener): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-"));
  folders.push(folder);
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(folder, "docker.sock"), resolve));
  return `unix://${folder}/docker.sock`;
}

test("A tar archive reaches an engine behind a Unix socket whole.", async () => {
  const host = await serveSocket(async (request, response) => {
    response.end(
      `${request.method} ${request.url} ${request.headers["content-type"]} ${await text(request)}`,
    );
  });

  const answer = await callEngine(host, "/images/load?quiet=1", {
    method: "POST",
    tar: Readable.from(["ab", "cd"]),
  });

  expect(answer).toEqual({ status: 200, body: "POST /images/load?quiet=1 application/x-tar abcd" });
});

test("An engine behind a TCP port is called as well.", async () => {
  const server = createServer((_request, response) => response.end('{"Version":"1.2.3"}'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const greeting = await greetEngine(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);

  expect(greeting).toEqual({ answers: true, version: "1.2.3" });
});

test("Progress messages arrive one by one, however the stream is cut.", async () => {
  const host = await serveSocket((_request, response) => {
    for (const character of '{"status":"Pulling"}\r\n{"status":"Done","id":"a"}\r\n')
      response.write(character);
    response.end();
  });
  const messages: EngineMessage[] = [];

  await callEngine(host, "/images/create", {
    method: "POST",
    onMessage: (message) => messages.push(message),
  });

  expect(messages).toEqual([{ status: "Pulling" }, { status: "Done", id: "a" }]);
});

test("A progress stream that ends in an error is a failure, though its status was 200.", async () => {
  const host = await serveSocket((_request, response) => {
    response.end('{"status":"Pulling"}\n{"errorDetail":{},"error":"disk full"}\n');
  });

  const { failure } = await tryEngine(host, "/images/create", { method: "POST" });

  expect(failure).toBe("disk full");
});

test("A call that is refused at once is not reported as progress.", async () => {
  const host = await serveSocket((_request, response) => {
    response.writeHead(500).end('{"message":"no such host"}\n');
  });
  const messages: EngineMessage[] = [];

  const { failure } = await tryEngine(host, "/images/create", {
    method: "POST",
    onMessage: (message) => messages.push(message),
  });

  expect(failure).toBe("no such host");
  expect(messages).toEqual([]);
});

test("A refused call tells what the engine said and where.", async () => {
  const host = await serveSocket((_request, response) => {
    response.writeHead(404).end('{"message":"no such image"}');
  });

  const call = expectEngine(host, "/images/x/json?a=b");

  await expect(call).rejects.toThrow(`The Docker Engine at ${host} failed GET /images/x/json: no such image`);
});

test("An engine that is not there does not answer, and says why.", async () => {
  const greeting = await greetEngine("unix:///nowhere/docker.sock");

  expect(greeting).toMatchObject({
    answers: false,
    denied: false,
    reason: expect.stringContaining("ENOENT"),
  });
});

test("A server that is no Docker Engine does not count as one.", async () => {
  const host = await serveSocket((_request, response) => {
    response.writeHead(404).end("page not found");
  });

  const greeting = await greetEngine(host);

  expect(greeting).toEqual({ answers: false, denied: false, reason: "page not found" });
});

test("An address that no engine can have is refused with the forms that work.", async () => {
  await expect(greetEngine("docker.example")).rejects.toMatchObject({
    fix: expect.stringContaining("ssh://"),
  });
});
