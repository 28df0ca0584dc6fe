import { expect, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { ask, get } from "../testing/client.ts";
import { startRig } from "../testing/rig.ts";

const from = (host: string, path = "/v1/models") => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

test("With allowed hosts a request by another name is a 403 that no engine hears of; health is for all.", async () => {
  const { port, prefill } = await startRig({}, { allowedHosts: ["pd.example", "10.0.0.18", "[::1]"] });
  const cases: [host: string, status: number][] = [
    ["pd.example", 200],
    ["PD.example:9000", 200],
    ["10.0.0.18:1", 200],
    ["[::1]:9000", 200],
    ["evil.example", 403],
    ["pd.example.evil.example", 403],
    ["evil-pd.example", 403],
    ["127.0.0.1", 403],
    ["[::2]", 403],
  ];

  for (const [host, status] of cases)
    expect([host, (await ask(port, from(host))).status]).toEqual([host, status]);
  expect((await ask(port, from("evil.example", "/readyz"))).status).toBe(200);
  expect((await ask(port, from("evil.example"))).json().error.code).toBe("host_not_allowed");
  expect(prefill[0]?.calls).toHaveLength(4);
});

test("Without allowed hosts any name will do.", async () => {
  const { port } = await startRig();

  expect((await ask(port, get("/v1/models"))).status).toBe(200);
});

test("Several names are given one after the other.", () => {
  const reading = readConfig(["--allowed-hosts", "a.example", "B.example", "--port", "0"], {});

  // What is missing are rank tables alone.
  expect(JSON.stringify(reading)).not.toContain("allowed-hosts");
});
