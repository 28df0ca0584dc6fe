import { expect, test } from "vitest";
import { driverMounts } from "../../planning/engines/ascendcloud.ts";
import { driverMounts as publicDriverMounts } from "../../planning/engines/vllm-ascend.ts";
import { resource, violationsOf } from "../testing/validated.ts";
import { systemMountsReadOnly } from "./system-mounts-read-only.ts";

const mounting = (...mounts: object[]) => resource("decode-0", { mounts });

test.each([
  { source: "/usr/local/Ascend/driver" },
  { source: "/etc/localtime", readOnly: false },
  { source: "/sys/fs/cgroup" },
  { source: "/data/../usr/lib" },
])("A mount of the system for writing is reported: %j.", async (mount) => {
  const violations = await violationsOf(systemMountsReadOnly, mounting(mount));

  expect(violations).toEqual([
    expect.stringMatching(/^decode-0 mounts \/(usr|etc|sys)\/\S+ of the host for writing$/),
  ]);
});

test("A volume needs its own word for it.", async () => {
  const container = resource("decode-0", {
    volumes: [{ hostPath: "/etc/localtime", containerPath: "/etc/localtime" }],
  });
  const volume = (o: string) =>
    resource("driver", { driverOpts: { o, device: "/usr" } }, "docker:index/volume:Volume");

  const violations = [
    ...(await violationsOf(systemMountsReadOnly, container)),
    ...(await violationsOf(systemMountsReadOnly, volume("bind"))),
    ...(await violationsOf(systemMountsReadOnly, volume("bind,ro"))),
  ];

  expect(violations).toEqual([
    "decode-0 mounts /etc/localtime of the host for writing",
    "driver mounts /usr of the host for writing",
  ]);
});

test.each(["/var/spool/cron", "/root/.bashrc", "/opt/models", "/run/systemd", "/usrdata", "/database"])(
  "No folder is for writing that is not listed: %s.",
  async (source) => {
    expect(await violationsOf(systemMountsReadOnly, mounting({ source }))).toEqual([
      `decode-0 mounts ${source} of the host for writing`,
    ]);
    expect(await violationsOf(systemMountsReadOnly, mounting({ source, readOnly: true }))).toEqual([]);
    const listed = resource("decode-0", { mounts: [{ source }] }, undefined, { folders: [source] });
    expect(await violationsOf(systemMountsReadOnly, listed)).toEqual([]);
  },
);

test("What the planner mounts passes, and so does what lies among data.", async () => {
  const elsewhere = ["/data", "/data/models", "/var/log/npu/a"].map((source) => ({ source }));

  const violations = await violationsOf(
    systemMountsReadOnly,
    mounting(...driverMounts, ...publicDriverMounts, ...elsewhere),
  );

  expect(violations).toEqual([]);
});
