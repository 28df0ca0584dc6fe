import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../toolchain/context.ts";
import { runProbe, serve, startContainer, stopContainer } from "./test-support.ts";

const idle = "setInterval(() => {}, 1000)";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ascend-pd-claim-"));
});
afterAll(() => rm(folder, { recursive: true }));

function claim(devices: readonly string[], container = "claimant", docker?: string) {
  return runProbe("claim-npus", { docker, container, devices });
}

test("Device nodes that are not there are all named, and a file is no device node.", async () => {
  const file = join(folder, "davinci4");
  await writeFile(file, "");

  const { code, stderr } = await claim(["/dev/null", "/dev/davinci_none", file]);

  expect(stderr).toContain(
    `claimant: device nodes /dev/davinci_none, ${file} do not exist on this host\nfix: `,
  );
  expect(code).toBe(1);
});

test("Nodes that are no NPUs may be shared.", async () => {
  await startContainer(idle, { Devices: [device("/dev/null")] });

  const { code, stdout } = await claim(["/dev/null"]);

  expect(stdout).toBe("free: no NPU nodes wanted\n");
  expect(code).toBe(0);
});

test("A host behind ssh:// is refused with a way out.", async () => {
  const { code, stderr } = await claim(["/dev/null"], "claimant", "ssh://root@10.0.0.18");

  expect(stderr).toMatch(/ssh:\/\/root@10\.0\.0\.18.*\nfix: /);
  expect(code).toBe(1);
});

test("An engine that does not answer is no proof that NPUs are free.", async () => {
  const { code, stderr } = await claim(["/dev/null"], "claimant", "unix:///nowhere/docker.sock");

  expect(stderr).toContain("unix:///nowhere/docker.sock failed GET /containers/json");
  expect(code).toBe(1);
});

test("A container that ends while the engine is asked holds nothing.", async () => {
  // Only a stand-in can end its container between two calls.
  const docker = await serve(
    (request, response) => {
      if (request.url === "/containers/json") return response.end('[{"Id": "0123"}]');
      return response.writeHead(404).end('{"message": "No such container: 0123"}');
    },
    join(folder, "docker.sock"),
  );

  const { code, stdout } = await claim(["/dev/null"], "claimant", docker);

  expect(stdout).toContain("free");
  expect(code).toBe(0);
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

    expect(stdout).toBe(`free: ${npu}\n`);
    expect(code).toBe(0);
  });

  test("is refused while another running container holds it, under whatever name.", async () => {
    const holder = await startContainer(idle, { Devices: [device(npu, "/dev/davinci0")] });

    const { code, stderr } = await claim([npu]);

    expect(stderr).toContain(`claimant: ${npu} is held by the running container ${holder}\nfix: stop that`);
    expect(code).toBe(1);
  });

  test("is free again when its holder has stopped.", async () => {
    const holder = await startContainer(idle, { Devices: [device(npu)] });
    await stopContainer(holder);

    const { code } = await claim([npu]);

    expect(code).toBe(0);
  });

  test("may be held by the container that the claim is for, which is about to be replaced.", async () => {
    const holder = await startContainer(idle, { Devices: [device(npu)] });

    const { code } = await claim([npu], holder);

    expect(code).toBe(0);
  });
});

function device(hostPath: string, containerPath = hostPath) {
  return { PathOnHost: hostPath, PathInContainer: containerPath, CgroupPermissions: "rwm" };
}
