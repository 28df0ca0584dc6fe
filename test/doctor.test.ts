import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Result } from "../host-checks/index.ts";
import { npuInfo } from "../host-checks/testing/sample-report.ts";
import { tryRun } from "../system/programs.ts";
import type { LocalHost } from "../toolchain/local-hosts/hosts.ts";
import {
  becomeAscendHost,
  deviceIp,
  image,
  models,
  npus,
  onHost,
  ownFolders,
  says,
} from "./testing/ascend-host.ts";
import { testStack } from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

// `ascend-pd doctor` on two hosts behind SSH, with a Docker Engine each, device nodes, and tools that replay what real
// ones have printed; each test breaks something on host-b and puts it right again.
const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

type HostB = Pick<LocalHost, "address" | "docker" | "hostKey">;

describe.skipIf(obstacle !== undefined)("ascend-pd doctor", () => {
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let folder: string;
  const mend: string[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    hosts = await testHosts(2, ownFolders);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    for (const [index, host] of hosts.hosts.entries()) await becomeAscendHost(host, index);
    folder = await mkdtemp(join(tmpdir(), "ascend-pd-doctor-"));
    await mkdir(join(folder, "stacks"));
  });
  beforeEach(() => configure());
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill();
    if (mend.length > 0) await onHost(at(1), mend.splice(0).join("\n"));
  });
  afterAll(async () => {
    await hosts?.dispose();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  test("finds nothing wrong on hosts where all is well, and exits with 0.", async () => {
    const { code, stdout, stderr } = await doctor();

    expect(stdout).toMatch(/^host-a \(.*\): .*\d\d ok$/m);
    expect(await unwell()).toEqual({ "host-a": [], "host-b": [] });
    expect(stderr).toContain(`host-b: asking ${at(1).docker}\n`);
    expect(code).toBe(0);
  });

  test("Names everything that is wrong with a host, with what was seen and the fix, and exits with 2.", async () => {
    const info = npuInfo([
      { id: 4, health: "Alarm" },
      { id: 5, process: [4_000_001, "python3"] },
    ]);
    await breakHostB(
      ["rm /dev/davinci5", "mknod /dev/davinci5 c 1 3"],
      [
        "rm /etc/ascend_install.info; mkdir /etc/ascend_install.info",
        "rmdir /etc/ascend_install.info; touch /etc/ascend_install.info",
      ],
      [says("npu-smi info", info), says("npu-smi info", npuInfo(npus.map((id) => ({ id }))))],
      [
        says("hccn_tool -i 4 -link -g", "link status: DOWN\n"),
        says("hccn_tool -i 4 -link -g", "link status: UP\n"),
      ],
      [`chmod 700 ${models}/qwen`, `chmod 755 ${models}/qwen`],
    );
    await listenOnHostB(8089);

    const { code, stdout } = await doctor();

    expect(code).toBe(2);
    expect(stdout).toContain("there is no /dev/davinci5\n");
    expect(stdout).toContain("/etc/ascend_install.info is a folder, not a file\n");
    expect(stdout).toContain("NPU 4: Alarm\n");
    expect(stdout).toContain("NPU 5 is used by process 4000001 (python3)\n");
    expect(stdout).toContain("the link of NPU 4 is DOWN\n");
    expect(stdout).toContain("port 8089, for decode[0], is held by process ");
    expect(await unwell()).toEqual({
      "host-a": [],
      "host-b": [
        ...["HC201 error", "HC205 error", "HC304 error", "HC403 error", "HC502 error"],
        ...["HC505 warning", "HC602 error"],
      ],
    });
  });

  test("Compares hosts with each other: TLS, and device IPs by three sources.", async () => {
    await breakHostB(
      [
        says("hccn_tool -i 5 -tls -g", "dev_id:5, tls switch[1](0:disable, 1:enable)\n"),
        says("hccn_tool -i 5 -tls -g", "dev_id:5, tls switch[0](0:disable, 1:enable)\n"),
      ],
      [
        says("hccn_tool -i 4 -ip -g", "ipaddr:29.0.1.99\n"),
        says("hccn_tool -i 4 -ip -g", `ipaddr:${deviceIp(1, 4)}\n`),
      ],
    );

    expect(await unwell()).toEqual({
      "host-a": ["HC406 error"],
      "host-b": ["HC401 error", "HC402 warning", "HC406 error"],
    });
  });

  test("Tells what could not be seen from what is well, also where a tool hangs.", async () => {
    await breakHostB([
      "printf '#!/bin/sh\\nexec sleep 600\\n' > /usr/local/Ascend/driver/tools/hccn_tool",
      `printf '#!/bin/sh\\nexec cat "/usr/local/replay/\${0##*/} $*"\\n' > /usr/local/Ascend/driver/tools/hccn_tool`,
    ]);

    const results = await resultsOf();

    const link = results["host-b"]?.find(({ code }) => code === "HC403");
    expect(link).toMatchObject({ status: "unseen", seen: ["it did not end in time"] });
    const [address = ""] = results["host-b"]?.find(({ code }) => code === "HC401")?.seen ?? [];
    expect(address).toContain("it did not end in time; /etc/hccn.conf alone says");
    expect(results["host-b"]?.find(({ code }) => code === "HC309")?.status).toBe("error");
    expect(results["host-a"]?.find(({ code }) => code === "HC406")?.status).toBe("unseen");
  });

  test("says which host cannot be reached, and checks the others.", async () => {
    const gone = { ...at(1), address: at(1).address.replace(/\d+$/, "250") };
    await configure({ ...gone, docker: `ssh://root@${gone.address}` });

    const { code, stdout } = await doctor();

    expect(stdout).toContain(
      `no command runs through ssh://root@${gone.address}: ssh: connect to host ${gone.address}`,
    );
    expect(stdout).toContain(`fix: make \`ssh ssh://root@${gone.address} docker version\` work from here`);
    expect(stdout).toMatch(/^host-a \(.*\): .*\d\d ok$/m);
    expect(code).toBe(2);
  });

  test("Sends nothing to a host that shows another key.", async () => {
    await configure({ ...at(1), hostKey: at(0).hostKey });

    const { code, stdout } = await doctor();

    expect(stdout).toContain(
      `${at(1).docker} shows another host key than the pinned one, so nothing was sent there\n`,
    );
    expect(code).toBe(2);
  });

  test("Shares with `pulumi up` what keeps a host's first container from starting.", async () => {
    await breakHostB([`mv ${models}/qwen ${models}/away`, `mv ${models}/away ${models}/qwen`]);
    const stack = await testStack("e2e");
    await stack.configure(deployment());

    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    await stack.dispose();

    expect(output).toContain(`host-b: there is no ${models}/qwen (HC503)`);
    expect(output).not.toMatch(/^\s+at /m);
    expect(output).not.toContain("docker:index:Container");
    expect(code).not.toBe(0);
  });

  test("asks only the host that is named.", async () => {
    const { code, stdout, stderr } = await doctor("--host", "host-b");

    expect(stdout).toMatch(/^host-b /);
    expect(stdout + stderr).not.toContain("host-a");
    expect(code).toBe(0);
  });

  test("Leaves out what is skipped, and shows why.", async () => {
    await breakHostB(["rm /dev/davinci5", "mknod /dev/davinci5 c 1 3"]);

    const { code, stdout } = await doctor("--skip", "HC201=replaced tomorrow");

    expect(stdout).toMatch(/^ {2}skipped {2}HC201 .*: replaced tomorrow$/m);
    expect(code).toBe(0);
  });

  test.each([
    [["--skip", "HC201"], "--skip HC201: the reason is missing"],
    [["--skip", "HC999=why"], "there is no check HC999"],
    [["--host", "host-z"], "e2e has no host host-z"],
  ])("Refuses %j, and exits with 1.", async (args, message) => {
    const { code, stderr } = await doctor(...args);

    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });

  const doctor = (...args: string[]) =>
    tryRun(process.execPath, [resolve("cli/main.ts"), "doctor", "e2e", ...args], { cwd: folder });

  async function resultsOf(): Promise<Record<string, Result[]>> {
    const { stdout } = await doctor("--json");
    const { hosts } = JSON.parse(stdout) as { hosts: { host: string; results: Result[] }[] };
    return Object.fromEntries(hosts.map(({ host, results }) => [host, results]));
  }

  /** What is neither well nor needless. */
  async function unwell(): Promise<Record<string, string[]>> {
    const results = Object.entries(await resultsOf());
    return Object.fromEntries(
      results.map(([host, all]) => [
        host,
        all
          .filter(({ status }) => !["ok", "not applicable"].includes(status))
          .map(({ code, status }) => `${code} ${status}`),
      ]),
    );
  }

  async function configure(hostB: HostB = at(1)) {
    const file = stringify({ config: { "ascend-pd:deployment": deployment(hostB) } });
    await writeFile(join(folder, "stacks/Pulumi.e2e.yaml"), file);
  }

  function deployment(hostB: HostB = at(1)) {
    const declared = [at(0), hostB].map(({ address, docker, hostKey }, index) => ({
      ...{ address, docker, hostKey },
      deviceIps: Object.fromEntries(npus.map((npu) => [npu, deviceIp(index, npu)])),
    }));
    return {
      engine: { kind: "ascendcloud", image, workDir: { source: models, target: "/models" } },
      model: {
        path: "/models/qwen",
        servedName: "qwen",
        maxModelLen: 4096,
        maxNumBatchedTokens: 4096,
      },
      hosts: { "host-a": declared[0], "host-b": declared[1] },
      prefill: [{ host: "host-a", devices: npus, port: 8088 }],
      decode: [{ host: "host-b", devices: npus, port: 8089 }],
      scheduler: { host: "host-a", port: 9000 },
    };
  }

  /** Pairs of what breaks something and what puts it right. */
  async function breakHostB(...changes: readonly (readonly [broken: string, mended: string])[]) {
    mend.push(...changes.map(([, mended]) => mended));
    await onHost(at(1), changes.map(([broken]) => broken).join("\n"));
  }

  async function listenOnHostB(port: number) {
    const script = `require("net").createServer().listen(${port}, () => console.log("listening"))`;
    const child = spawn("nsenter", [`--net=${at(1).engine.namespace}`, process.execPath, "-e", script]);
    children.push(child);
    await once(child.stdout, "data");
  }

  function at(index: number): LocalHost {
    const host = hosts.hosts[index];
    if (host === undefined) throw new Error(`there is no host ${index}`);
    return host;
  }
});
