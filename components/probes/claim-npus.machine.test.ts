import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectEngine } from "../../docker/api.ts";
import { command, engine, startContainer } from "../../docker/testing/containers.ts";
import { sampleAnswer } from "../../docker/testing/sample-answer.ts";
import { serveEngine } from "../../docker/testing/servers.ts";
import { run } from "../../system/programs.ts";
import { runProbe } from "../testing/probes.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ascend-pd-claim-"));
});
afterAll(() => rm(folder, { recursive: true }));

function claim(devices: readonly string[], container = "claimant", docker?: string, image?: string) {
  const host = { name: "host-a", address: "127.0.0.1", ...(docker !== undefined && { docker }) };
  return runProbe("claim-npus", { host, container, devices, ...(image !== undefined && { image }) });
}

test("Device nodes that are not there are all named, and a file is no device node.", async () => {
  const file = join(folder, "davinci4");
  await writeFile(file, "");

  const { code, stderr } = await claim(["/dev/null", "/dev/davinci_none", file]);

  expect(stderr).toContain(`claimant: device nodes /dev/davinci_none, ${file} do not exist on host-a\nfix: `);
  expect(code).toBe(1);
});

test("Nodes that are no NPUs may be shared.", async () => {
  await startContainer(undefined, { hostConfig: { Devices: [device("/dev/null")] } });

  const { code, stdout } = await claim(["/dev/null"]);

  expect(stdout).toBe("free for claimant: no NPU nodes wanted\n");
  expect(code).toBe(0);
});

test("An engine that does not answer is no proof that NPUs are free.", async () => {
  const { code, stderr } = await claim(["/dev/null"], "claimant", "unix:///nowhere/docker.sock");

  expect(stderr).toContain("host-a (unix:///nowhere/docker.sock) failed GET /containers/json");
  expect(code).toBe(1);
});

test("A container that ends while the engine is asked holds nothing.", async () => {
  // Only a stand-in can end its container between two calls.
  const docker = await serveEngine((request, response) => {
    if (request.url === "/containers/json?all=1") return response.end('[{"Id": "0123", "State": "running"}]');
    return response.writeHead(404).end('{"message": "No such container: 0123"}');
  });

  const { code, stdout } = await claim(["/dev/null"], "claimant", docker);

  expect(stdout).toContain("free");
  expect(code).toBe(0);
});

test("An image that the host has and can run is accepted.", async () => {
  const { code } = await claim(["/dev/null"], "claimant", undefined, process.env.ASCEND_PD_NODE_IMAGE);

  expect(code).toBe(0);
});

test("An image that the host neither has nor can pull is refused, with ways to bring it there.", async () => {
  // Port 9 of loopback, where no registry listens.
  const image = "127.0.0.1:9/vllm/ascend:1";

  const { code, stderr } = await claim(["/dev/null"], "claimant", undefined, image);

  expect(stderr).toContain(`host-a has no image ${image}, and its Docker Engine could not pull it: `);
  expect(stderr).toContain(`docker save ${image} | ssh 127.0.0.1 docker load`);
  expect(code).toBe(1);
});

test("Without a tag, only the latest image is pulled.", async () => {
  const asked: string[] = [];
  const docker = await serveEngine((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === "/version")
      return response.end('{"Version": "28.0", "ApiVersion": "1.48", "Arch": "arm64"}');
    return response.writeHead(404).end('{"message": "no such image"}');
  });

  await claim([], "claimant", docker, "quay.io/ascend/vllm-ascend");

  expect(asked).toContain("POST /images/create?fromImage=quay.io%2Fascend%2Fvllm-ascend%3Alatest");
});

test("An image of another architecture than the host's is refused.", async () => {
  const docker = await serveEngine((request, response) =>
    response.end(
      request.url === "/version"
        ? '{"Version": "28.0", "ApiVersion": "1.48", "Arch": "arm64"}'
        : '{"Id": "1", "Architecture": "amd64"}',
    ),
  );

  const { code, stderr } = await claim([], "claimant", docker, "vllm:1");

  expect(stderr).toContain("host-a: image vllm:1 is for amd64, but the host is arm64\nfix: ");
  expect(code).toBe(1);
});

// The host needs a node that looks like an NPU: it is /dev/null by another name.
describe.skipIf(process.geteuid?.() !== 0)("an NPU that exists", () => {
  const npu = `/dev/davinci${process.pid}`;

  beforeAll(async () => {
    await run("mknod", [npu, "c", "1", "3"]);
  });
  afterAll(() => rm(npu));

  test("is free when no container holds it.", async () => {
    const { code, stdout } = await claim([npu, "/dev/null"]);

    expect(stdout).toBe(`free for claimant: ${npu}\n`);
    expect(code).toBe(0);
  });

  test("is refused while another running container holds it, under whatever name.", async () => {
    const holder = await startContainer(undefined, {
      hostConfig: { Devices: [device(npu, "/dev/davinci0")] },
    });

    const { code, stderr } = await claim([npu]);

    expect(stderr).toContain(
      `claimant: ${npu} of host-a is held by the running container ${holder}\nfix: stop that`,
    );
    expect(code).toBe(1);
  });

  test("is refused with the name of its holder, which can neither command a terminal nor add a line.", async () => {
    // A stand-in: Docker itself takes no such name.
    const Name = "/\u001b[2J\u009bevil\u202e\nfix: run this";
    const holder = { ...sampleAnswer("evil"), Name, HostConfig: { Devices: [device(npu)] } };
    const listed = [{ Id: "0123", State: "running" }];
    const docker = await serveEngine((request, response) =>
      response.end(JSON.stringify(request.url === "/containers/json?all=1" ? listed : holder)),
    );

    const { stderr } = await claim([npu], "claimant", docker);

    expect(stderr).toContain(
      `${npu} of host-a is held by the running container \\u001b[2J\\u009bevil\\u202e\\nfix: run this\nfix: stop`,
    );
  });

  test("is refused while its holder is paused.", async () => {
    const holder = await startContainer(undefined, { hostConfig: { Devices: [device(npu)] } });
    await command(holder, "pause");

    const { code, stderr } = await claim([npu]);

    expect(stderr).toContain(`is held by the paused container ${holder}\nfix: stop that`);
    expect(code).toBe(1);
  });

  test("is refused while Docker restarts its holder.", async () => {
    const hostConfig = { Devices: [device(npu)], RestartPolicy: { Name: "always" } };
    const holder = await startContainer("process.exitCode = 1", { hostConfig });
    const state = async () =>
      JSON.parse(await expectEngine(engine, `/containers/${holder}/json`)).State.Status;
    await expect.poll(state, { timeout: 120_000 }).toBe("restarting");

    const { code, stderr } = await claim([npu]);

    expect(stderr).toMatch(/is held by the (restarting|running) container/);
    expect(code).toBe(1);
  });

  test("is free again when its holder has stopped.", async () => {
    const holder = await startContainer(undefined, { hostConfig: { Devices: [device(npu)] } });
    await command(holder, "stop?t=0");

    const { code } = await claim([npu]);

    expect(code).toBe(0);
  });

  /** The claim beside a stand-in for a container that no engine of a test would start. */
  async function claimBeside(changes: object) {
    const holder = { ...sampleAnswer("holder"), ...changes };
    const listed = [{ Id: "0123", State: "running" }];
    const docker = await serveEngine((request, response) =>
      response.end(JSON.stringify(request.url === "/containers/json?all=1" ? listed : holder)),
    );
    return claim([npu], "claimant", docker);
  }

  test("is refused while a container has its node by a mount.", async () => {
    const Mounts = [{ Type: "bind", Source: npu, Destination: "/dev/davinci0", RW: true }];

    const { stderr, code } = await claimBeside({ Mounts });

    expect(stderr).toContain(
      `${npu} of host-a is held by the running container holder, by a mount of ${npu}\nfix: `,
    );
    expect(code).toBe(1);
  });

  test("is refused while a container asks Ascend's runtime for all.", async () => {
    const Config = { Image: "other:1", Env: ["ASCEND_VISIBLE_DEVICES=all"] };

    const { stderr } = await claimBeside({ Config, HostConfig: { Runtime: "ascend" } });

    expect(stderr).toContain(
      `${npu} of host-a is held by the running container holder, by ASCEND_VISIBLE_DEVICES\n`,
    );
  });

  test("is claimed beside a container that may hold it, with a word of that.", async () => {
    const { stdout, code } = await claimBeside({ HostConfig: { Privileged: true } });

    expect(stdout).toBe(
      `free for claimant: ${npu}, as far as Docker tells: the container holder is privileged\n`,
    );
    expect(code).toBe(0);
  });

  test("may be held by the container that the claim is for, which is about to be replaced.", async () => {
    const holder = await startContainer(undefined, { hostConfig: { Devices: [device(npu)] } });

    const { code } = await claim([npu], holder);

    expect(code).toBe(0);
  });

  test("may be held by the container that the claim was for under another name, and by no other.", async () => {
    const holder = await startContainer(undefined, { hostConfig: { Devices: [device(npu)] } });
    const args = { host: { name: "host-a", address: "127.0.0.1" }, container: "claimant", devices: [npu] };
    const claimedBy = (name: string) => runProbe("claim-npus", args, "", `free for ${name}: ${npu}`);

    const results = [await claimedBy(holder), await claimedBy("another")];

    expect(results.map(({ code }) => code)).toEqual([0, 1]);
    expect(results[0]?.stdout).toBe(`free for claimant: ${npu}\n`);
  });
});

function device(hostPath: string, containerPath = hostPath) {
  return { PathOnHost: hostPath, PathInContainer: containerPath, CgroupPermissions: "rwm" };
}
