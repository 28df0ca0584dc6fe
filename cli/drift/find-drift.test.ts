import fc from "fast-check";
import { expect, test } from "vitest";
import type { Container } from "../../docker/answers.ts";
import type { HostPlan } from "../../planning/plan.ts";
import { containerOf, deployedOf, find, findAfter, others, recorded } from "../testing/drift-samples.ts";
import { findDrift } from "./find-drift.ts";

test("Untouched containers give no finding, with Pulumi's state and without.", () => {
  const simulated = recorded("simulated");
  const deployed = deployedOf(simulated);

  expect(find(simulated)).toEqual([]);
  expect(find({ ...simulated, compared: { ...simulated.compared, deployed } })).toEqual([]);
});

test("A /dev/shm of another size is found where the Plan has one.", () => {
  const { compared, answer } = recorded("simulated");
  const [first, ...others] = compared.plan.containers;
  if (first === undefined) throw new Error("nothing is recorded");
  const plan = { ...compared.plan, containers: [{ ...first, sharedMemoryMib: 1024 }, ...others] };

  const findings = find({ compared: { ...compared, plan }, answer });

  expect(findings.flatMap(({ differences }) => differences)).toEqual([
    { what: "shmSize", planned: "1024", there: "64" },
  ]);
});

test("Other limits than the Plan has are found, and the host's shared memory.", () => {
  const { compared, answer } = recorded("simulated");
  const [first, ...others] = compared.plan.containers;
  if (first === undefined) throw new Error("nothing is recorded");
  const wanted = { ...first, ulimits: { memlock: -1, nofile: 65536 } };
  const found = { memlock: -1, nofile: 1024 };
  for (const one of answer.containers.filter(({ Name }) => Name === `/${first.name}`)) {
    const Ulimits = Object.entries(found).map(([Name, limit]) => ({ Name, Soft: limit, Hard: limit }));
    Object.assign(one.HostConfig, { Ulimits, IpcMode: "host" });
  }

  const findings = find({
    compared: { ...compared, plan: { ...compared.plan, containers: [wanted, ...others] } },
    answer,
  });

  expect(findings.flatMap(({ differences }) => differences)).toEqual([
    { what: "ipcMode", planned: "none", there: "host" },
    { what: "ulimit.nofile", planned: "65536", there: "1024" },
  ]);
});

test("The manual's containers, which nobody has started, are as planned but for that.", () => {
  const findings = find(recorded("ascendcloud"));

  expect(findings.map(({ kind, differences }) => [kind, differences])).toEqual(
    Array(3).fill(["stopped", [{ what: "state", planned: "running", there: "created" }]]),
  );
});

test.each<[what: string, change: (one: Container) => unknown, planned: string, there: string]>([
  [
    "env.RANK_TABLE_FILE_PATH",
    ({ Config }) => Config.Env.push("RANK_TABLE_FILE_PATH=/x"),
    "/etc/ascend-pd/local_ranktable_recorded-prefill-0.json",
    "/x",
  ],
  ["env.LATER", ({ Config }) => Config.Env.push("LATER=a=b"), "none", "a=b"],
  ["--port", ({ Config }) => (Config.Cmd[8] = "--port=1"), "18480", "1"],
  ["entrypoint", ({ Config }) => (Config.Entrypoint = ["sh"]), "node /app/simulator.js", "sh"],
  ["user", ({ Config }) => (Config.User = "0"), "1000", "0"],
  ["label.ascend-pd.role", ({ Config }) => (Config.Labels["ascend-pd.role"] = "decode"), "prefill", "decode"],
  ["stopTimeout", ({ Config }) => (Config.StopTimeout = undefined), "10", "none"],
  ["networkMode", ({ HostConfig }) => (HostConfig.NetworkMode = "bridge"), "host", "bridge"],
  ["capabilities.drops", ({ HostConfig }) => (HostConfig.CapDrop = []), "ALL", ""],
  ["securityOpts", ({ HostConfig }) => (HostConfig.SecurityOpt = []), "no-new-privileges", ""],
  ["CapAdd", ({ HostConfig }) => (HostConfig.CapAdd = ["SYS_ADMIN"]), "none", "SYS_ADMIN"],
  ["Privileged", ({ HostConfig }) => (HostConfig.Privileged = true), "none", "true"],
  ["NanoCpus", ({ HostConfig }) => (HostConfig.NanoCpus = 5e8), "none", "500000000"],
  ["logOpts.max-size", ({ HostConfig }) => delete HostConfig.LogConfig.Config["max-size"], "50m", "none"],
  [
    "device./dev/davinci4.hostPath",
    ({ HostConfig }) =>
      (HostConfig.Devices = HostConfig.Devices.filter((one) => one.PathInContainer !== "/dev/davinci4")),
    "/dev/null",
    "none",
  ],
  [
    "mount./x.source",
    ({ Mounts }) => Mounts.push({ Type: "bind", Name: "", Source: "/y", Destination: "/x", RW: true }),
    "none",
    "/y",
  ],
])("A changed %s is found.", (what, change, planned, there) => {
  const [finding, ...more] = findAfter(change);

  expect(more).toEqual([]);
  expect(finding).toMatchObject({ kind: "changed", host: "local", container: "recorded-prefill-0" });
  expect(finding?.differences).toContainEqual({ what, planned, there });
});

test("Only the restart policy can be given back in place.", () => {
  const restart = findAfter(({ HostConfig }) => (HostConfig.RestartPolicy.Name = "no"));
  const both = findAfter(({ HostConfig }) => {
    HostConfig.RestartPolicy.Name = "no";
    HostConfig.Memory = 1;
  });

  expect(restart[0]?.remedy).toBe("docker update --restart=unless-stopped recorded-prefill-0");
  expect(both[0]?.remedy).toBe(
    "docker rm --force recorded-prefill-0 && pulumi up --stack recorded --refresh",
  );
});

test.each([
  ["exited", "stopped", "exited with code 0"],
  ["dead", "stopped", "dead"],
  ["paused", "paused", "paused"],
  ["restarting", "restarting", "restarting"],
])("A container that is %s is found.", (status, kind, there) => {
  const findings = findAfter(({ State }) => (State.Status = status));

  expect(findings).toMatchObject([{ kind, differences: [{ what: "state", planned: "running", there }] }]);
});

test("A container of the stack's name that Pulumi did not make is one finding, however much differs.", () => {
  const simulated = recorded("simulated");
  const deployed = deployedOf(simulated);
  const { name } = simulated.compared.plan.containers[1] ?? { name: "" };
  const mine = containerOf(simulated.compared, simulated.answer, 1);
  deployed.set(name, { ...deployed.get(name), id: "f".repeat(64) } as never);

  const findings = find({ ...simulated, compared: { ...simulated.compared, deployed } });

  expect(findings).toEqual([
    {
      kind: "replaced",
      host: "local",
      container: name,
      differences: [
        { what: "container", planned: "ffffffffffff", there: `${mine.Id.slice(0, 12)}, made by other means` },
      ],
      remedy: `docker rm --force ${name} && pulumi up --stack recorded --refresh`,
    },
  ]);
});

test("What differs from the state in the stack file is not drift, and what differs besides is.", () => {
  const simulated = recorded("simulated");
  const deployed = deployedOf(simulated);
  const [first, ...rest] = simulated.compared.plan.containers;
  if (first === undefined) throw new Error("no container");
  const changed = { ...first, env: { ...first.env, NOTE: "new" } };
  const plan = { ...simulated.compared.plan, containers: [changed, ...rest] };
  const there = structuredClone(containerOf(simulated.compared, simulated.answer, 0));
  there.HostConfig.Memory = 1;

  const findings = find({
    compared: { ...simulated.compared, plan, deployed },
    answer: { ...simulated.answer, containers: others(simulated.answer, there.Id).concat(there) },
  });

  expect(findings.map(({ kind, differences, remedy }) => [kind, differences, remedy])).toEqual([
    ["not-brought-up", [{ what: "env.NOTE", planned: "new", there: "none" }], "pulumi up --stack recorded"],
    [
      "changed",
      [{ what: "Memory", planned: "none", there: "1" }],
      "pulumi up --stack recorded --replace '**:Container::recorded-prefill-0'",
    ],
  ]);
});

test("An instance that the stack file has moved to another host is told once, whatever runs on the old one.", () => {
  const simulated = recorded("simulated");
  const deployed = deployedOf(simulated);
  const { plan } = simulated.compared;
  const far: HostPlan = { name: "far", address: "10.0.0.9", docker: "ssh://root@10.0.0.9" };
  const [first, ...rest] = plan.containers;
  if (first === undefined) throw new Error("no container");
  const moved = {
    ...plan,
    hosts: [...plan.hosts, far],
    containers: [{ ...first, host: far.name }, ...rest],
  };
  const compared = { ...simulated.compared, plan: moved, deployed };

  const here = plan.hosts.flatMap((host) => findDrift(compared, host, simulated.answer));
  const there = findDrift(compared, far, { containers: [], images: new Map(), files: new Map() });

  expect(here).toEqual([]);
  expect(there).toMatchObject([
    { kind: "not-brought-up", host: "far", differences: [{ what: "host", planned: "far", there: "local" }] },
  ]);
});

test("A container that has an NPU of the stack is found while it runs, is paused or restarts.", () => {
  const { compared, answer } = recorded("ascendcloud");
  const stranger = structuredClone(containerOf(compared, answer, 1));
  Object.assign(stranger, { Id: "0".repeat(64), Name: "/theirs" });
  stranger.Config.Labels = {};
  const [npu] = stranger.HostConfig.Devices.map((one) => one.PathOnHost).filter((path) =>
    /davinci\d/.test(path),
  );
  const withState = (Status: string) => {
    const theirs = { ...stranger, State: { ...stranger.State, Status } };
    return find({ compared, answer: { ...answer, containers: [...answer.containers, theirs] } }).filter(
      ({ kind }) => kind === "npus-held",
    );
  };

  const decode = compared.plan.containers[1]?.name;
  expect([withState("exited"), withState("created")]).toEqual([[], []]);
  expect(withState("restarting")).toHaveLength(1);
  expect(withState("running")).toMatchObject([
    { kind: "npus-held", container: "theirs", remedy: "docker stop theirs" },
  ]);
  expect(withState("paused")[0]?.differences).toContainEqual({
    what: npu,
    planned: decode,
    there: "theirs holds it too",
  });
});

test("Commands for a host behind SSH go there.", () => {
  const { compared, answer } = recorded("simulated");
  const there = structuredClone(containerOf(compared, answer, 0));
  there.State.Status = "paused";
  const [host] = compared.plan.hosts;
  if (host === undefined) throw new Error("no host");

  const [finding] = findDrift(
    compared,
    { ...host, docker: "ssh://root@10.0.0.18" },
    {
      ...answer,
      containers: others(answer, there.Id).concat(there),
    },
  );

  expect(finding?.remedy).toBe("docker --host ssh://root@10.0.0.18 unpause recorded-prefill-0");
});

test("Whatever a container that was put in the place of ours says, the findings have an end and no control characters.", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(
      "\u001b[2J",
      "\u202e",
      "A=".repeat(5000),
      `X=${"[".repeat(9000)}`,
      `{"a":`.repeat(500),
      "__proto__=1",
    ),
  );
  const hostile = fc.record({
    env: fc.array(text, { maxLength: 200 }),
    cmd: fc.array(text, { maxLength: 50 }),
    labels: fc.dictionary(text, text),
    image: text,
  });
  fc.assert(
    fc.property(hostile, ({ env, cmd, labels, image }) => {
      const findings = findAfter(({ Config }) =>
        Object.assign(Config, { Env: env, Cmd: cmd, Labels: labels, Image: image }),
      );

      expect(findings.length).toBeGreaterThan(0);
      for (const { differences } of findings) {
        expect(differences.length).toBeLessThanOrEqual(51);
        for (const shown of differences.flatMap(({ what, planned, there }) => [what, planned, there])) {
          expect(shown.length).toBeLessThan(5000);
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        }
      }
    }),
    { numRuns: 50 },
  );
});
