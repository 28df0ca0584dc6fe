import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { afterAll, describe, expect, test } from "vitest";
import { greetEngine } from "../docker/api.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

const obstacle = await noTestHosts();

describe.skipIf(obstacle !== undefined)("test hosts", () => {
  const runs: ChildProcess[] = [];
  afterAll(() => {
    for (const run of runs) run.kill("SIGKILL");
  });

  /** Another test run on this machine: it starts a host, says where, and goes on living. */
  async function otherRun(): Promise<{ run: ChildProcess; folder: string; engine: string; address: string }> {
    const script = `
      import { dirname } from "node:path";
      import { testHosts } from "./test/testing/test-hosts.ts";
      const { hosts: [host] } = await testHosts(1);
      const folder = dirname(dirname(dirname(host.engine.dataRoot)));
      console.log(JSON.stringify({ folder, engine: host.engine.host, address: host.address }));
      setInterval(() => {}, 1000);`;
    const run = spawn("node", ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    runs.push(run);
    const [line] = await once(run.stdout, "data");
    return { run, ...JSON.parse(String(line)) };
  }

  test("Of a killed run are cleared by the next one, which leaves those of a living run alone.", async () => {
    const [killed, living] = await Promise.all([otherRun(), otherRun()]);
    killed.run.kill("SIGKILL");
    await once(killed.run, "exit");
    expect((await greetEngine(killed.engine)).answers).toBe(true);

    const ours = await testHosts(1);

    expect([killed.address, ours.hosts[0]?.address]).not.toContain(living.address);
    expect(existsSync(killed.folder)).toBe(false);
    expect((await greetEngine(living.engine)).answers).toBe(true);
    await ours.dispose();

    living.run.kill("SIGKILL");
    await once(living.run, "exit");
    await (await testHosts(0)).dispose();
    expect(existsSync(living.folder)).toBe(false);
    await expect.poll(ourInterfaces, { timeout: 120_000 }).toEqual([]);
  });

  const ourInterfaces = () => Object.keys(networkInterfaces()).filter((name) => name.startsWith("ascend-pd"));
});
