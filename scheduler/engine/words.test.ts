import fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../errors.ts";
import { failureFromEvent, MAX_ERROR_BYTES, refusal } from "./refusal.ts";
import { publicText } from "./words.ts";

const HOSTS = new Set(["known-host", "npu_7.pod.local"]);
const DECODE = { role: "decode", authorization: "", hosts: HOSTS } as const;

test.for([
  ["no route to 10.1.2.3:8088, 10.1.2.3 or 10.1.2.3.", "no route to [address], [address] or [address]."],
  ["rank_10.1.2.3_0 at tcp:10.1.2.3:5600", "rank_[address]_0 at tcp:[address]"],
  ["see http://h/x?a=b, (https://u:p@h:8/x)", "see [address] ([address]"],
  ["tcp://host-b/0 --grpc://host-b and RoCE+X://h", "[address] [address] and [address]"],
  ["[fd00::1]:8088, [fe80::1%eth0], [::1]", "[address], [address], [address]"],
  ["fd00::1: fe80::1%eth0 refused by ::1.", "[address]: [address] refused by [address]."],
  ["mapped ::ffff:10.1.2.3 and FD00:0:0:0:0:0:0:1", "mapped [address] and [address]"],
  ["pull from decode_1.pod.local:14579, host-b:80", "pull from [address], [address]"],
  ["Known-Host: down; ask known-host, NPU_7.pod.local.", "[address]: down; ask [address], [address]."],
  ["known-host:8 (known-host) at=known-host/x", "[address]:8 ([address]) at=[address]/x"],
])("Rule 29: of addresses in %j nothing is left.", ([said = "", told]) => {
  expect(publicText(said, HOSTS)).toBe(told);
});

test.for([
  "known-hosts, my-known-host, known-host.net and known_host are other names",
  "at 12:30:45 on 2026-01-31T12:30:45, ratio 16:9, error: 400",
  '{"loc":["body",12],"max_tokens": 4096}, shape [2, 4096], x[0:5]',
  "std::vector<c10::Error>, torch::jit::Node and c10::cuda in a.b.c, v1.2.3",
  "MAC 00:1b:44:11:3a:b7, PCI 0000:01:00.0, 50% of 3.14",
  "最大长度为 4096，请求了 5000 个 token。",
])("Rule 29: the ordinary words %j stay.", (said) => {
  expect(publicText(said, HOSTS)).toBe(said);
});

test.for([
  "<html><h1>500</h1></html>",
  "Error <!DOCTYPE html>",
  "Traceback (most recent call last): x",
  'x\n  File "/a b/c.py", line 7, in f',
  "Error: x\n    at f (x.js:1)",
  "Error: x\n\n \r\n\t at F (x.js:1)",
])("Rule 29: the page or stack trace %j is not shown.", (said) => {
  expect(publicText(said, HOSTS)).toBeUndefined();
});

test("Rule 29: any address is blanked wherever it stands between words.", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9](\.[a-z]{2,5}){0,2}$/);
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]:8088`),
    fc.ipV6().filter((ip) => ip !== "::"), // In code and prose these are two colons.
    fc.webUrl({ validSchemes: ["http", "https", "tcp"] }).filter((url) => !url.includes("'")),
    fc.tuple(name, fc.integer({ min: 10, max: 65535 })).map(([host, port]) => `${host}:${port}`),
    fc.constantFrom(...HOSTS),
  );
  const between = fc.constantFrom(" ", ", ", "\n", "=", '"', "(", " is down; ask ", "：");
  fc.assert(
    fc.property(fc.array(fc.tuple(between, address), { maxLength: 5 }), (words) => {
      const said = `x${words.map((word) => word.join("")).join(" ")} y`;

      const told = publicText(said, HOSTS);

      expect(told).toBe(`x${words.map(([before]) => `${before}[address]`).join(" ")} y`);
    }),
    { numRuns: 2000 },
  );
});

/** The error object that a client is told. */
const told = (failure: Failure) => JSON.parse(failure.toJson()).error;

test("Rule 29: type, param and code of an engine's error have no addresses either.", () => {
  const error = {
    message: "no",
    type: "ConnectError to host-b:8088",
    param: "http://10.1.2.3/x",
    code: "known-host",
  };
  const body = Buffer.from(JSON.stringify({ error }));
  const head = { status: 400, fields: [], framing: { chunked: false, length: 0 }, keepAlive: false };

  const tellings = [failureFromEvent(DECODE, body), refusal(DECODE, head, body)].map(told);

  const blanked = {
    message: "no",
    type: "ConnectError to [address]",
    param: "[address]",
    code: "[address]",
  };
  expect(tellings).toEqual([blanked, blanked]);
});

test("Rule 29: a type that is a page, is too long or is no text is not told.", () => {
  const tell = (type: unknown) =>
    told(failureFromEvent(DECODE, Buffer.from(JSON.stringify({ error: { message: "no", type } })))).type;

  expect(["<html>", "x".repeat(201), 7, ""].map(tell)).toEqual(Array(4).fill("server_error"));
  expect(tell("BadRequestError")).toBe("BadRequestError");
});

test.for(["10.111.222.33:14579", "known-host", "http://known-host/x", "[fd00:1:2:3::4]:8088", "host-b:8088"])(
  "Rule 29: of %s where a long message is cut nothing is left.",
  (address) => {
    const word = /10\.1|known|fd00|host-/;
    for (let before = 4096 - address.length - 2; before <= 4097; before++) {
      const message = `${"x ".repeat(before / 2)}${" ".repeat(before % 2)}${address} ${"y ".repeat(100)}`;

      const { message: shown } = told(failureFromEvent(DECODE, Buffer.from(JSON.stringify({ message }))));

      expect(shown).not.toMatch(word);
      expect(shown.length).toBeGreaterThan(4000);
      expect(shown.length).toBeLessThanOrEqual(4096 + 9);
    }
  },
);

test("The words of an error of the largest size are told up to their limit.", () => {
  const message = "word ".repeat(MAX_ERROR_BYTES / 5 - 10);

  const shown = told(failureFromEvent(DECODE, Buffer.from(JSON.stringify({ error: { message } })))).message;

  expect(shown).toBe(message.slice(0, 4095));
  expect(failureFromEvent(DECODE, Buffer.from(JSON.stringify({ error: { message } })))).toBeInstanceOf(
    Failure,
  );
});
