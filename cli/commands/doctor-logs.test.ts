import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { sampleAnswer } from "../../docker/testing/sample-answer.ts";
import { serveEngine } from "../../docker/testing/servers.ts";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder, keepConsole, printed } from "../testing/run-command.ts";
import { doctor } from "./doctor.ts";

inProjectFolder();
keepConsole();

const time = "2026-11-29T01:02:03.000000000Z";

function frame(text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(2);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

/** A stack `test` on an engine of which every container ended, and wrote so by its name; others are not there. */
async function writeStack(logs: Readonly<Record<string, readonly string[]>>, exitCode = 0): Promise<void> {
  const docker = await serveEngine((request, response) => {
    const [, name = ""] = /^\/containers\/([^/]+)\//.exec(request.url ?? "") ?? [];
    const lines = logs[name];
    if (lines === undefined) response.writeHead(404).end('{"message":"No such container"}');
    else if (request.url?.includes("/logs"))
      response.end(Buffer.concat(lines.map((one) => frame(`${time} ${one}\n`))));
    else {
      const State = { Status: "exited", ExitCode: exitCode, StartedAt: "2026-11-29T01:00:00.000000000Z" };
      response.end(JSON.stringify({ ...sampleAnswer(name), Id: name, State }));
    }
  });
  const base = readStackFile("sim-1p1d").deployment as { hosts: { local: object } };
  const deployment = { ...base, hosts: { local: { ...base.hosts.local, docker } } };
  writeFileSync("stacks/Pulumi.test.yaml", stringify({ config: { "ascend-pd:deployment": deployment } }));
}

const prompt = "tell me of my secret";

test("Logs are searched on every instance's host, the root is told first, and nothing that a client wrote is shown.", async () => {
  await writeStack(
    {
      "test-prefill-0": [
        `Received request cmpl-1: prompt: '${prompt}: EI0006', params: …`,
        `OSError: [Errno 98] Address already in use ${prompt}`,
        "RuntimeError: Engine core initialization failed. See root cause above.",
      ],
      "test-decode-0": [],
    },
    1,
  );

  const code = await doctor.run(["--logs", "test"]);

  const text = printed("log");
  expect(
    [...text.matchAll(/^ {2}(error|past) +(LS\d+) .*?(?:, follows from (LS\d+))?$/gm)].map((one) =>
      one.slice(1),
    ),
  ).toEqual([
    ["error", "LS401", undefined],
    ["error", "LS801", "LS401"],
    ["error", "LS906", "LS401"],
    ["error", "LS906", undefined],
  ]);
  expect(text).toContain(
    "test-scheduler on local: its log could not be read\n  there is no container test-scheduler on local",
  );
  expect(text.split("\n").at(-1)).toBe("begin with LS401 of test-prefill-0: a port is in use");
  expect(text).not.toContain(prompt);
  expect(code).toBe(2);
});

test("As JSON the findings have what the text has; skipped ones are left out.", async () => {
  await writeStack({ "test-prefill-0": ["NPU out of memory"], "test-decode-0": [], "test-scheduler": [] });

  const code = await doctor.run(["--logs", "test", "--json", "--skip", "LS906=stopped by hand"]);

  const { stack, instances } = JSON.parse(printed("log"));
  expect([code, stack]).toEqual([2, "test"]);
  expect(instances).toMatchObject([
    {
      instance: "test-prefill-0",
      role: "prefill",
      host: "local",
      state: { status: "exited" },
      findings: [
        { code: "LS301", rank: "cause", count: 1, first: time, quotes: ["NPU out of memory"], isPast: false },
      ],
    },
    { instance: "test-decode-0", findings: [] },
    { instance: "test-scheduler", findings: [] },
  ]);
});

test("Where nothing is found, or is left out with a reason, it ends with 0; a code of a host check is none here.", async () => {
  await writeStack({ "test-prefill-0": [], "test-decode-0": [], "test-scheduler": [] });

  const codes = [
    await doctor.run(["--logs", "test", "--skip", "LS906=stopped by hand"]),
    await doctor.run(["--logs", "test", "--skip", "HC101=x"]),
  ];

  expect(codes).toEqual([0, 1]);
  expect(printed("error")).toContain("there is no signature HC101\nfix: docs/log-signatures.md lists them");
});
