import { chmod, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprint } from "../planning/ssh-options.ts";
import { onPath, tryRun } from "../system/programs.ts";
import { becomeAscendHost, deviceIp, ownFolders } from "./testing/ascend-host.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("init of two hosts behind SSH", () => {
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let folder: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    hosts = await testHosts(2, ownFolders);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    for (const [index, host] of hosts.hosts.entries()) await becomeAscendHost(host, index, [0, 1, 2, 3]);
    folder = await mkdtemp(join(tmpdir(), "ascend-pd-init-"));
    await mkdir(join(folder, "stacks"));
    await mkdir(join(folder, "bin"));
    // `ssh` reads the configuration of the account, whatever HOME says: this one has a configuration of the test's.
    await writeFile(
      join(folder, "config"),
      `UserKnownHostsFile ${folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n`,
    );
    await writeFile(
      join(folder, "bin/ssh"),
      `#!/bin/sh\nexec ${await onPath("ssh")} -F ${folder}/config "$@"\n`,
    );
    await chmod(join(folder, "bin/ssh"), 0o755);
    env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}` };
  });

  afterAll(() => hosts?.dispose());

  const init = (...args: string[]) =>
    tryRun(resolve("cli/ascend-pd.mjs"), ["init", ...args], { cwd: folder, env });
  const targets = () => hosts.hosts.map(({ address }) => `root@${address}`);

  test("A host whose key nobody knows is not asked: its fingerprint is shown.", async () => {
    const { code, stdout, stderr } = await init(...targets());

    const [first] = hosts.hosts;
    expect(stderr).toContain(
      `${first?.address}: ${fingerprint(first?.hostKey ?? "")}, which your known_hosts does not`,
    );
    expect(stderr).toMatch(/^error: the key of \S+ is not accepted\nfix: log in once with `ssh /m);
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("On a terminal the user is asked, and a yes pins it.", async () => {
    const [address] = hosts.hosts.map((one) => one.address);
    const command = `${resolve("cli/ascend-pd.mjs")} init root@${address} --dry-run`;

    const yes = await tryRun("script", ["-qec", command, "/dev/null"], { cwd: folder, env, input: "yes\n" });
    const no = await tryRun("script", ["-qec", command, "/dev/null"], { cwd: folder, env, input: "no\n" });

    expect(yes.stdout).toContain(`hostKey: ${hosts.hosts[0]?.hostKey}`);
    expect(no.stdout).toContain("is not accepted");
    expect([yes.code, no.code]).toEqual([0, 1]);
  });

  test("Known hosts are asked what they are; the file that comes of it plans, and is never written over.", async () => {
    const known = hosts.hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`);
    await writeFile(join(folder, "known_hosts"), known.join(""));

    const written = await init(...targets(), "--stack=prod");
    const planned = await tryRun(resolve("cli/ascend-pd.mjs"), ["plan", "prod", "--json"], {
      cwd: folder,
      env,
    });
    const again = await init(...targets(), "--stack=prod");

    expect(written).toMatchObject({ code: 0 });
    const file = await readFile(join(folder, "stacks/Pulumi.prod.yaml"), "utf8");
    for (const [index, { address, docker, hostKey }] of hosts.hosts.entries()) {
      expect(file).toContain(`        address: ${address}\n`);
      expect(file).toContain(
        `        docker: ${docker}\n        hostKey: ${hostKey}\n        npus: 4\n        generation: a2\n`,
      );
      expect(file).toContain(
        `# deviceIps: { ${[0, 1, 2, 3].map((npu) => `${npu}: ${deviceIp(index, npu)}`).join(", ")} }`,
      );
    }
    expect(file).toMatch(/^ {8}interface: "\S+"$/m);
    expect(planned.code).toBe(0);
    const { containers } = JSON.parse(planned.stdout).plan;
    expect(containers.map(({ role, npus }: { role: string; npus: number[] }) => [role, npus])).toEqual([
      ["prefill", [0, 1, 2, 3]],
      ["decode", [0, 1, 2, 3]],
      ["scheduler", []],
    ]);
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain("stacks/Pulumi.prod.yaml is there already");
    expect(await readFile(join(folder, "stacks/Pulumi.prod.yaml"), "utf8")).toBe(file);
  });

  test("A host that is not there is named, and nothing is written.", async () => {
    await writeFile(join(folder, "known_hosts"), `192.0.2.1 ${hosts.hosts[0]?.hostKey}\n`);

    const { code, stderr } = await init("root@192.0.2.1", "--stack=gone");

    expect(stderr).toMatch(
      /^error: host-192-0-2-1: no command runs through ssh:\/\/root@192\.0\.2\.1: .*\nfix: /m,
    );
    expect(code).toBe(1);
  });
});
