import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createListener } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { programs } from "../../monitoring/testing/promtool.ts";
import { temporaryFolder, until } from "./pd-processes.ts";

/** A Prometheus that asks and checks every second, as its configuration says otherwise. Ends with the test. */
export async function startPrometheus(
  files: readonly { readonly name: string; readonly content: string }[],
): Promise<string> {
  const { prometheus } = await programs();
  const folder = temporaryFolder();
  for (const { name, content } of files)
    writeFileSync(join(folder, name), content.replaceAll(/(_interval): \d+s/g, "$1: 1s"));
  const port = await freePort();
  const args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
  const child = spawn(prometheus, [...args, `--web.listen-address=127.0.0.1:${port}`], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log += text;
  });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(log);
    return fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return url;
}

async function freePort(): Promise<number> {
  const server = createListener().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Values of what Prometheus answers now that are numbers. */
export async function valuesOf(prometheus: string, query: string): Promise<number[]> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query })}`);
  const { data, error } = (await response.json()) as {
    data?: { result: { value: [number, string] }[] };
    error?: string;
  };
  if (data === undefined) throw new Error(`${query}\n${error}`);
  return data.result.map(({ value: [, text] }) => Number(text)).filter((value) => !Number.isNaN(value));
}

/** The labels of a variable of a dashboard, as Grafana asks for them. */
export async function labelValues(prometheus: string, label: string, metric: string): Promise<string[]> {
  const query = new URLSearchParams({ "match[]": metric });
  const response = await fetch(`${prometheus}/api/v1/label/${label}/values?${query}`);
  return ((await response.json()) as { data: string[] }).data;
}

/** What npu-exporter would say, in its documented form. Its address; ends with the test. */
export async function startNpuExporter(names: readonly string[]): Promise<string> {
  const text = names.map((name) => `# TYPE ${name} gauge\n${name}{id="4",model_name="910B3"} 1\n`).join("");
  const server = createServer((_, response) => response.end(text)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
