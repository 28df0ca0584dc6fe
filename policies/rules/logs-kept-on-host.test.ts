import { expect, test } from "vitest";
import { containerType } from "../resource-policy.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { logsKeptOnHost } from "./logs-kept-on-host.ts";

test.each(["syslog", "gelf", "fluentd", "awslogs", "splunk", "JSON-FILE", "grafana/loki-docker-driver"])(
  "A container that logs by %s is reported, unless the configuration lists the driver.",
  async (logDriver) => {
    const asked = (config?: object) => resource("decode-0", { logDriver }, containerType, config);

    expect(await violationsOf(logsKeptOnHost, asked())).toEqual([
      `decode-0 sends its log away, by the driver ${logDriver}`,
    ]);
    expect(await violationsOf(logsKeptOnHost, asked({ drivers: [logDriver] }))).toEqual([]);
  },
);

test.each([
  { logDriver: "json-file" },
  { logDriver: "journald" },
  { logDriver: "none" },
  { logDriver: "" },
  {},
])("A container with %j passes.", async (props) => {
  expect(await violationsOf(logsKeptOnHost, resource("decode-0", props))).toEqual([]);
});

test("A driver that is not known yet is left to the engine, which says so.", async () => {
  const asked = violationsOf(logsKeptOnHost, resource("decode-0", { logDriver: unknown }));

  await expect(asked).rejects.toThrow("can't be known during preview");
});
