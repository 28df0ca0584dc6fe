import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const servers: Server[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** An HTTP server of the test's own; gives its address, `unix://` with a path. It is closed after the test. */
export async function serve(listener: RequestListener, path?: string): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(path ?? { port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  return typeof address === "string" ? `unix://${address}` : `http://127.0.0.1:${address?.port}`;
}

/** A stand-in for a Docker Engine, for what a real one does not do at will; gives its address. */
export async function serveEngine(listener: RequestListener): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-engine-"));
  folders.push(folder);
  return serve(listener, join(folder, "docker.sock"));
}

/** An address at which nobody listens. */
export async function deadUrl(): Promise<string> {
  const url = await serve(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return url;
}
