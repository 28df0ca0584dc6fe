import { request } from "node:http";

/** One GET of the Docker Engine API over a unix socket, as parsed JSON. `docker` absent: DOCKER_HOST or the default. */
export async function dockerJson<T>(docker: string | undefined, path: string): Promise<T> {
  return JSON.parse((await dockerGet(docker, path)).toString("utf8")) as T;
}

/** The last lines that a container wrote, both streams. */
export async function dockerLogs(
  docker: string | undefined,
  container: string,
  lines: number,
): Promise<string> {
  const framed = await dockerGet(docker, `/containers/${container}/logs?stdout=1&stderr=1&tail=${lines}`);
  const parts: string[] = [];
  // Docker frames each write: 1 byte stream, 3 zero bytes, 4 bytes length, payload.
  for (let at = 0; at + 8 <= framed.length; ) {
    const end = at + 8 + framed.readUInt32BE(at + 4);
    parts.push(framed.toString("utf8", at + 8, end));
    at = end;
  }
  return parts.join("").trimEnd();
}

function dockerGet(docker: string | undefined, path: string): Promise<Buffer> {
  const endpoint = docker ?? process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  if (!endpoint.startsWith("unix://")) {
    throw new Error(
      `${endpoint}: only unix:// endpoints can be probed so far; ssh:// hosts can be previewed, not deployed`,
    );
  }
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: endpoint.slice("unix://".length), path, timeout: 10_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks);
          if (response.statusCode === 200) resolve(body);
          else
            reject(
              new Error(`Docker Engine at ${endpoint} answered ${response.statusCode} to ${path}: ${body}`),
            );
        });
      },
    );
    call.on("timeout", () =>
      call.destroy(new Error(`Docker Engine at ${endpoint} gave no answer within 10 s`)),
    );
    call.on("error", reject);
    call.end();
  });
}
