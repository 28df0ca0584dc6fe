import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tryRun } from "../system/programs.ts";

// An archive of this project, and a machine that has nothing of it: no route, no Node, no Pulumi, no cache, no Docker Engine
// that runs. Root alone can make one.
const isRoot = process.geteuid?.() === 0;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ascend-pd-air-gap-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const architecture = process.arch === "arm64" ? "arm64" : "amd64";

/** Runs it in namespaces of its own, which take all of its processes away when it ends. */
function offline(script: string) {
  const machine = `set -eu
    ip link set lo up
    mount -t tmpfs none /run
    test -z "$(ip route show table all type unicast)"
    cd ${folder}
    ${script}`;
  const own = {
    HOME: folder,
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    ASCEND_PD_CACHE: join(folder, "cache"),
    ASCEND_PD_STATE: join(folder, "state"),
  };
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return tryRun("unshare", [...namespaces, "sh", "-c", machine], { env: own });
}

test.skipIf(!isRoot)("From one archive and nothing else, the demo gives an answer.", async () => {
  const made = await tryRun("cli/ascend-pd.mjs", [
    ...["bundle", "--json", `--arch=${architecture}`],
    `--output=${join(folder, "bundle.tar.gz")}`,
  ]);
  expect(made.code, made.stderr).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ images: [architecture] });

  const { code, stdout, stderr } = await offline(`
    tar -xOzf bundle.tar.gz install.sh | sh -s bundle.tar.gz site
    rm bundle.tar.gz
    cd site
    ./ascend-pd toolchain exec node cli/demo/main.ts
    ./ascend-pd toolchain exec node cli/demo/main.ts --down`);

  expect(stdout, stderr).toMatch(/> Why do .*\n\n[A-Z][a-z]+( \w+\.?)+/);
  expect(code, stderr).toBe(0);
});
