import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlainly } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type ConnectionOptions, connect, createServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../config/config.ts";
import { authority, type Certificate, issue } from "../testing/certificates.ts";
import { get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  DONE,
  EVENTS,
  type FakeEngine,
  fakeEngine,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
} from "../testing/engine.ts";
import { type Overrides, type Rig, rigOf, startRig } from "../testing/rig.ts";
import { readTrust, type TrustFiles } from "./trust.ts";

const [ours, others] = [authority("ours"), authority("others")];
const CLOSE = "Connection: close";

/** Files of these texts, by flag. */
function filesOf(texts: Readonly<Record<string, string>>): TrustFiles {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return Object.fromEntries(
    Object.entries(texts).map(([flag, content]) => {
      writeFileSync(join(folder, flag), content);
      return [flag, join(folder, flag)];
    }),
  );
}

function served({ cert, key }: Certificate, more: Readonly<Record<string, string>> = {}): TrustFiles {
  return filesOf({ "tls-cert": cert, "tls-key": key, ...more });
}

/** What comes back for `request` over TLS, to the end of the connection; rejects where there is none. */
async function asked(port: number, request: string, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, ca: ours.cert, ...options });
  await once(socket, "secureConnect");
  socket.write(request);
  return text(socket);
}

test("Rule 47: clients are served with TLS, plain answers and streams, by a certificate of the own authority.", async () => {
  const { port } = await startRig({}, { trustFiles: served(issue(ours)) });

  const plain = await asked(port, post(PLAIN, "/v1/completions", CLOSE));
  const stream = await asked(port, post(STREAM, "/v1/completions", CLOSE));

  expect(plain).toContain(PLAIN_ANSWER);
  for (const event of [...EVENTS, DONE]) expect(stream).toContain(event.trim());
  await expect(asked(port, get("/livez"), { ca: others.cert })).rejects.toThrow("unable to verify");
});

test("Rule 47: whoever speaks plain HTTP to a TLS port is not answered, and neither is garbage.", async () => {
  const trustFiles = served(issue(ours));
  const { port, prefill } = await startRig({}, { trustFiles, timeouts: { requestHeadMs: 500 } });

  for (const bytes of [post(PLAIN), get("/livez"), "\u0016\u0003\u0001\u00ff", "x".repeat(100_000)]) {
    const socket = connectPlainly({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    socket.write(bytes, "latin1");
    socket.end();
    expect(await text(socket).catch(() => "")).not.toContain("HTTP/1.1");
  }

  expect(prefill[0]?.calls).toEqual([]);
  expect(await asked(port, get("/livez", CLOSE))).toMatch(/^HTTP\/1\.1 200 /);
});

test("Rule 47: who begins to shake hands and does not end is dropped in the time for a head.", async () => {
  const { port } = await startRig({}, { trustFiles: served(issue(ours)), timeouts: { requestHeadMs: 100 } });

  const socket = connectPlainly({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.write(Buffer.from("1603010200010001fc0303", "hex"));

  await once(socket, "close");
});

test.each(["", "16", "1603010200010001fc0303"])(
  "Rule 47: who ends its side within its handshake (after %j) is given up at once, whatever the time for a head.",
  async (begun) => {
    const { port } = await startRig(
      {},
      { trustFiles: served(issue(ours)), timeouts: { requestHeadMs: 86_400_000 } },
    );

    const socket = connectPlainly({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.on("error", () => {});
    socket.end(Buffer.from(begun, "hex"));
    socket.resume();

    await once(socket, "end");
  },
);

test("Rule 47: with an authority for clients only those are served whom it has signed.", async () => {
  const { port } = await startRig({}, { trustFiles: served(issue(ours), { "tls-client-ca": ours.cert }) });
  const known = issue(ours);
  const refused = [{}, issue(others), issue(ours, { hours: -1 })];

  expect(await asked(port, get("/livez", CLOSE), known)).toMatch(/^HTTP\/1\.1 200 /);
  for (const options of refused) {
    const answer = await asked(port, get("/livez", CLOSE), options).catch(() => "");
    expect(answer).toBe("");
  }
});

test.each([1, 2])(
  "Rule 47: another certificate is shown when its files change, by all of %i workers; a wrong one is not.",
  async (workers) => {
    const trustFiles = served(issue(ours, { names: ["127.0.0.1", "first"] }));
    const one = await startRig({}, { trustFiles, workers });
    const next = issue(ours, { names: ["127.0.0.1", "second"] });
    const shown = async () => {
      const socket = connect({ host: "127.0.0.1", port: one.port, ca: ours.cert });
      await once(socket, "secureConnect");
      const { subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      return subjectaltname;
    };

    writeFileSync(`${trustFiles["tls-cert"]}`, next.cert);
    await until(() => one.lines.some((line) => line.includes("the key is not that of the certificate")));
    expect(await shown()).toContain("first");
    writeFileSync(`${trustFiles["tls-key"]}`, next.key);
    await until(() => one.events.some((event) => event.renewed === true));

    await until(async () => {
      const all = await Promise.all(Array.from({ length: 6 }, shown));
      return all.every((names) => names?.includes("second"));
    });
  },
);

test("Rule 47: an answer that breaks off ends its connection, and others go on.", async () => {
  const half = "x".repeat(2 * 1024 * 1024);
  const one = await startRig(
    {
      decode: [
        (call) => {
          call.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${2 * half.length}\r\n\r\n{"x":"${half}`);
          call.socket.end();
        },
      ],
    },
    { trustFiles: served(issue(ours)) },
  );

  const answer = await asked(one.port, post(PLAIN, "/v1/completions")).catch(() => "");

  expect(answer.length).toBeLessThan(2 * half.length);
  expect(await asked(one.port, get("/livez", CLOSE))).toMatch(/^HTTP\/1\.1 200 /);
});

/** An engine behind TLS, and all that it was sent there. */
async function behindTls(engine: FakeEngine, own: Certificate, clientCa?: string) {
  const seen = { bytes: "", failures: 0 };
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const server = createServer({ ...own, ...mutual }, (socket) => {
    const plain = connectPlainly({ host: "127.0.0.1", port: engine.port });
    for (const one of [socket, plain]) one.on("error", () => {});
    socket.on("data", (bytes) => {
      seen.bytes += bytes;
    });
    socket.pipe(plain).pipe(socket);
    socket.on("close", () => {
      plain.destroy();
      seen.failures++;
    });
  });
  server.on("tlsClientError", () => seen.failures++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { engine: Object.assign(Object.create(engine) as FakeEngine, { port }), seen };
}

async function enginesBehindTls(
  own: Certificate,
  overrides: Overrides & { ready?: boolean },
  clientCa?: string,
) {
  const [prefill, decode] = await Promise.all([fakeEngine(goodPrefill), fakeEngine(goodDecode)]);
  const secured = await Promise.all([prefill, decode].map((engine) => behindTls(engine, own, clientCa)));
  const [first, second] = secured.map(({ engine }) => engine);
  if (first === undefined || second === undefined) throw new Error("no engines");
  const one: Rig = await rigOf([first], [second], overrides);
  return {
    ...one,
    calls: [prefill, decode].map(({ calls }) => calls),
    seen: secured.map(({ seen }) => seen),
  };
}

test("Rule 47: engines are asked with TLS on both legs and for their health, showing a certificate of our own.", async () => {
  const { cert, key } = issue(others);
  const trustFiles = filesOf({ "engine-tls-ca": ours.cert, "engine-tls-cert": cert, "engine-tls-key": key });

  const one = await enginesBehindTls(issue(ours), { trustFiles }, others.cert);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () =>
      fetch(`http://127.0.0.1:${one.port}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: STREAM,
      }).then((answer) => answer.text()),
    ),
  );

  expect(answers).toEqual(answers.map(() => EVENTS.join("") + DONE));
  expect(one.calls.map((calls) => calls.length)).toEqual([5, 5]);
  expect(one.seen.every(({ bytes }) => bytes.includes("GET /health"))).toBe(true);
});

test.each<[string, Certificate, Readonly<Record<string, string>>]>([
  ["of another authority", issue(others), { "engine-tls-ca": ours.cert }],
  ["that is over", issue(ours, { hours: -1 }), { "engine-tls-ca": ours.cert }],
  ["for another address", issue(ours, { names: ["10.0.0.18", "engine"] }), { "engine-tls-ca": ours.cert }],
])(
  "Rule 47: an engine with a certificate %s is sent not a byte, and gets no requests.",
  async (_, own, texts) => {
    const overrides = { trustFiles: filesOf(texts), ready: false, engineKey: "sk-engines" };

    const one = await enginesBehindTls(own, overrides);
    await until(() => one.seen.every(({ failures }) => failures > 2));
    const answer = await fetch(`http://127.0.0.1:${one.port}/v1/models`);

    expect(answer.status).toBe(503);
    expect(one.seen.map(({ bytes }) => bytes)).toEqual(["", ""]);
  },
);

test("Rule 47: an engine that speaks plainly is not asked plainly where TLS is wanted.", async () => {
  let connections = 0;
  const plain = await fakeEngine((call) => answerJson(call, "{}"));
  const trustFiles = filesOf({ "engine-tls-ca": ours.cert });

  const one = await rigOf([plain], [plain], { trustFiles, ready: false });
  await until(() => {
    connections = plain.connections.accepted;
    return connections > 4;
  });

  expect((await fetch(`http://127.0.0.1:${one.port}/readyz`)).status).toBe(503);
  expect(plain.calls).toEqual([]);
});

test.each<[Readonly<Record<string, string>>, string]>([
  [{ "tls-cert": issue(ours).cert }, "--tls-cert is given without --tls-key"],
  [{ "tls-client-ca": ours.cert }, "--tls-client-ca is given without --tls-cert"],
  [{ "engine-tls-cert": "x", "engine-tls-key": "y" }, "--engine-tls-cert is given without --engine-tls-ca"],
  [{ "tls-cert": issue(ours).cert, "tls-key": issue(ours).key }, "the key is not that of the certificate"],
  [{ "tls-cert": "no PEM", "tls-key": issue(ours).key }, "it is no PEM text of a certificate, or of its key"],
  [{ "engine-tls-ca": "" }, "it is no PEM text of a certificate, or of its key"],
  [{ "tls-cert": issue(ours, { hours: -1 }).cert, "tls-key": "" }, "the certificate is over since "],
])("A scheduler does not start with %j.", (texts, problem) => {
  const args = Object.entries(filesOf(texts)).flatMap(([flag, path]) => [`--${flag}`, `${path}`]);

  const said = JSON.stringify(readConfig(args, {}));
  expect(said).toContain(problem);
  expect(said).not.toContain("PRIVATE");
});

test("A key and its certificate are read as they are.", () => {
  const { cert, key } = issue(ours);

  expect(readTrust(served({ cert, key }))).toEqual({ clients: { cert, key, ca: undefined } });
});
