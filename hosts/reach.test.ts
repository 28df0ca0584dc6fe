import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { HostPlan } from "../planning/plan.ts";
import { stopsOfPreview } from "./reach.ts";

const folder = mkdtempSync(join(tmpdir(), "ascend-pd-reach-"));
afterAll(() => rmSync(folder, { recursive: true }));
const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
const behindSsh: HostPlan = { name: "far", address: "10.0.0.19", docker: "ssh://root@127.0.0.1:1", hostKey };

/** What the native half of Pulumi's Docker plugin does when it is configured: it pings local sockets, and those alone. */
async function configured({ docker = "" }: HostPlan): Promise<void> {
  if (docker.startsWith("ssh://")) return;
  const socket = connect(docker.slice("unix://".length));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", () => reject(new Error("failed to connect to any docker daemon")));
  }).finally(() => socket.destroy());
}

test("A preview is stopped in words of ours exactly where the plugin would stop it in its own.", async () => {
  const at = (name: string): HostPlan => ({
    name,
    address: "127.0.0.1",
    docker: `unix://${join(folder, name)}.sock`,
  });
  const server = createServer((_, response) => response.end('{"ApiVersion":"1.48","Version":"28.0"}'));
  await new Promise<void>((resolve) => server.listen(join(folder, "runs.sock"), resolve));
  const hosts = [at("runs"), at("stopped"), behindSsh];

  const plugin = await Promise.allSettled(hosts.map(configured));
  const stops = await stopsOfPreview(hosts).finally(() => server.close());

  expect(plugin.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(stops).toEqual([
    expect.stringMatching(
      /^stopped: no Docker Engine answers at unix:.*stopped\.sock: .*\nfix: start it, .*a preview needs it too/,
    ),
  ]);
});
